"""Every conditional write of the product, its answer lost: the second try finds what the first one wrote, and holds."""

import pytest

from handlers.ledger import Dataset, Drop, Event, Pending, Run, RunStatus, Standby, Token, Turn
from tests.handlers.ledger.conditional_writes import conditional_writes, writes_elsewhere

_RUN = Run("e", status=RunStatus.STARTING, dataset="flowers", started_at="2026-11-29")
_TOKEN = Token("arn:x", resource_name="x", task_token="T", execution_name="e")
_EVENT = Event.of("datasets/flowers/_SUCCESS", "0A")


def _pending(ledger):
    Pending.queue(ledger, "flowers", "s3://b/flowers/")
    return Pending.get(ledger, "flowers")


def _drop(ledger):
    Drop.note(ledger, "flowers", "2026")
    return Drop.get(ledger, "flowers")


def _away(ledger):
    Standby("retriever", config_name="e").take(ledger)
    return Standby.of(ledger, "retriever")


# What is there before, and the write; it is given what the first made, if anything.
WRITES = {
    "Run.note": (lambda ledger: None, lambda ledger, _: _RUN.note(ledger)),
    "Run.withdraw": (_RUN.note, lambda ledger, _: _RUN.withdraw(ledger)),
    "Run.mark_running": (_RUN.note, lambda ledger, _: _RUN.mark_running(ledger)),
    "Run.note_data": (_RUN.note, lambda ledger, _: _RUN.note_data(ledger, ["nothing was found"], "s3://b/f/")),
    "Run.note_waiting": (_RUN.note, lambda ledger, _: _RUN.note_waiting(ledger, {"accuracy": 0.9})),
    "Run.note_approval": (_RUN.note, lambda ledger, _: _RUN.note_approval(ledger, "rejected by ann", is_rejected=True)),
    "Run.note_warm_start": (_RUN.note, lambda ledger, _: _RUN.note_warm_start(ledger, "began with none")),
    "Run.note_champion": (_RUN.note, lambda ledger, _: _RUN.note_champion(ledger, "d")),
    "Run.note_deployment": (_RUN.note, lambda ledger, _: _RUN.note_deployment(ledger, {"ScalingMaxInstances": 4})),
    "Run.note_reused": (_RUN.note, lambda ledger, _: _RUN.note_reused(ledger, "tuning of run d")),
    "Run.close": (_RUN.note, lambda ledger, _: _RUN.close(ledger, RunStatus.ABORTED, "stopped")),
    "Dataset.end": (
        Dataset("flowers", execution_name="e").launch,
        lambda ledger, _: Dataset.end(ledger, "flowers", "e", {"status": "FAILED"}),
    ),
    "Turn.take": (lambda ledger: None, lambda ledger, _: Turn.take(ledger, "e")),
    "Turn.take_over": (
        lambda ledger: Turn.take(ledger, "over"),
        lambda ledger, _: Turn("pipeline", "over").take_over(ledger, "e"),
    ),
    "Turn.give_back": (lambda ledger: Turn.take(ledger, "e"), lambda ledger, _: Turn.give_back(ledger, "e")),
    "Pending.remove": (_pending, lambda ledger, waiting: waiting.remove(ledger)),
    "Token.mark_started": (_TOKEN.store, lambda ledger, _: _TOKEN.mark_started(ledger)),
    "Token.claim": (_TOKEN.store, lambda ledger, _: _TOKEN.claim(ledger)),
    "Token.release": (_TOKEN.store, lambda ledger, _: _TOKEN.release(ledger)),
    "Token.forget": (_TOKEN.store, lambda ledger, _: _TOKEN.forget(ledger)),
    "Drop.note": (lambda ledger: None, lambda ledger, _: Drop.note(ledger, "flowers", "2026")),
    "Drop.wait_since": (_drop, lambda ledger, drop: drop.wait_since(ledger, "2026")),
    "Drop.tell": (_drop, lambda ledger, drop: drop.tell(ledger, "2026")),
    "Drop.close": (_drop, lambda ledger, drop: drop.close(ledger)),
    "Drop.forget": (_drop, lambda ledger, drop: drop.forget(ledger)),
    "Standby.take": (lambda ledger: None, lambda ledger, _: Standby("retriever", config_name="e").take(ledger)),
    "Standby.want": (_away, lambda ledger, away: away.want(ledger, 7)),
    "Standby.attempt": (_away, lambda ledger, away: away.attempt(ledger, 7)),
    "Standby.give_up": (_away, lambda ledger, away: away.give_up(ledger, "no capacity")),
    "Standby.back": (_away, lambda ledger, away: away.back(ledger, 240)),
    "Event.claim": (lambda ledger: None, lambda ledger, _: _EVENT.claim(ledger)),
    "Event.finish": (_EVENT.claim, lambda ledger, _: _EVENT.finish(ledger)),
    "Event.release": (_EVENT.claim, lambda ledger, _: _EVENT.release(ledger)),
}


def test_every_conditional_write_is_among_those_tried():
    """Read from the code, so that a new one cannot be forgotten; no one else writes."""
    assert conditional_writes() == set(WRITES)
    assert writes_elsewhere() == set()


@pytest.mark.parametrize("name", WRITES)
def test_conditional_write_holds_when_its_answer_is_lost(name, world, chaos):
    """Its maker is told what it would have been told, and the table is as it would have been."""
    prepare, write = WRITES[name]
    made = prepare(world.ledger)

    chaos.plan(0, lambda: None, carried_out=True)
    held = write(world.ledger, made)
    calls = list(chaos.calls)
    chaos.plan(-1, None)

    assert len(calls) == 1
    assert held is True
