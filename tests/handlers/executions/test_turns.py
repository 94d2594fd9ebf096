"""handlers/executions/turns.py: one execution after the other, whatever happens to the one before."""

import pytest

from handlers.ledger import Dataset, Pending, Run, RunStatus, Serving, Turn
from tests.handlers.stored import stored, turn


def test_upload_during_a_run_is_queued_and_started_after_it(world, upload, end):
    """Never two at once, never mixed; the queue is told in words."""
    first = upload()
    second = upload(content="2")

    assert second["Reason"] == (
        f"dataset 'flowers' is queued; it starts when execution {first['ExecutionName']!r} has ended"
    )
    started = end(first["ExecutionName"])
    assert (started["Started"], len(world.executions())) == (True, 2)
    assert list(Pending.all(world.ledger)) == []


def test_newest_upload_takes_the_queued_ones_place(world, upload, end):
    """Three uploads during a run lead to one more, of the newest content."""
    first = upload()
    for content in "234":
        upload(content=content)

    started = end(first["ExecutionName"])

    assert end(started["ExecutionName"])["Reason"] == "no dataset waits"
    assert len(world.executions()) == 2


def test_oldest_of_several_datasets_goes_first(world, upload, end):
    """Each in its turn."""
    first = upload()
    upload(name="birds")
    upload(name="cars")

    second = end(first["ExecutionName"])
    third = end(second["ExecutionName"])

    assert "dataset 'birds'" in second["Reason"]
    assert "dataset 'cars'" in third["Reason"]


def test_stopped_execution_closes_its_record(world, upload, end):
    """ReportOutcome never ran; the record says how it ended, the turn is free, the next attempt is possible."""
    name = upload()["ExecutionName"]

    end(name, "ABORTED", reported=False)

    run = stored(Run, world.ledger, name)
    assert (run.status, (run.reason or "").partition(";")[0]) == (
        "ABORTED",
        f"execution {name!r} ended ABORTED before it could report",
    )
    assert stored(Dataset, world.ledger, "flowers").status == "ABORTED"
    assert upload()["ExecutionName"].endswith("-2")


def test_reported_outcome_is_kept(world, upload, end):
    """The event of the end does not overwrite the reason."""
    name = upload()["ExecutionName"]
    Run(name, status=RunStatus.FAILED, reason="because").report(world.ledger)

    end(name, "FAILED")

    assert stored(Run, world.ledger, name).reason == "because"


def test_good_deployment_without_a_report_is_no_failure(world, upload, end):
    """Every report was cut short; the model serves, so nothing is trained again."""
    name = upload()["ExecutionName"]
    Serving.note(world.ledger, "retriever", name)
    world.sagemaker.serve(config=name)

    end(name, "FAILED", reported=False)

    assert stored(Run, world.ledger, name).status == RunStatus.SUCCEEDED
    assert "nothing to do" in upload()["Reason"]


@pytest.mark.parametrize("change", [{"status": "RUNNING"}, {"stateMachineArn": "arn:other"}])
def test_other_status_changes_do_nothing(world, upload, event, start, change):
    """A start, or another machine, frees no turn."""
    name = upload()["ExecutionName"]
    payload = event("execution_status_change")
    payload["detail"].update({"name": name, **change})

    assert "nothing ended here" in start(payload)["Reason"]
    assert turn(world.ledger).execution_name == name


def test_lost_end_event_does_not_block_the_next(world, upload):
    """The turn of an execution that runs no more is taken over."""
    world.stop_execution(upload()["ExecutionName"])

    assert upload(name="birds")["Started"] is True


def test_sweep_starts_what_still_waits(world, upload, start):
    """The end's event was lost while a dataset waited."""
    first = upload()
    upload(name="birds")
    world.stop_execution(first["ExecutionName"])

    result = start({"Sweep": True})

    assert "dataset 'birds'" in result["Reason"]
    assert start({"Sweep": True})["Reason"] == "no dataset waits"


def test_sweep_leaves_a_running_execution_its_turn(world, upload, start):
    """The queue stays as it is."""
    upload()
    upload(name="birds")

    assert start({"Sweep": True})["Started"] is False
    assert [one.name for one in Pending.all(world.ledger)] == ["birds"]


def test_queued_at_the_last_moment_starts_at_once(world, upload, monkeypatch):
    """The execution ended between the refusal of the turn and the queue: its event saw an empty queue."""
    first = upload()["ExecutionName"]
    queue = Pending.queue

    def queue_late(*arguments):
        world.stop_execution(first)
        Turn.give_back(world.ledger, first)
        queue(*arguments)

    monkeypatch.setattr(Pending, "queue", queue_late)

    assert upload(name="birds")["Started"] is True
