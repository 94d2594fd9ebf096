"""handlers/executions/settling.py: a drop starts one execution for its last content, whatever becomes of its events."""

import hashlib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers import aws
from handlers.contract.errors import AwsThrottledError
from handlers.contract.settings import Settings
from handlers.datasets.drops import Look
from handlers.executions import messages, settling
from handlers.executions.launches import Answer, Decision
from handlers.ledger import Dataset, Drop, Ledger
from tests.handlers.environment import BUCKET, ENVIRONMENT
from tests.handlers.executions.memory import MemoryTable

SETTLE, SWEEP = 300, 300
_BEGIN = datetime(2026, 11, 29, tzinfo=UTC)
_SETTINGS = Settings.from_env(ENVIRONMENT)
_URI = f"s3://{BUCKET}/datasets/pets/"


def at(seconds: float) -> str:
    return (_BEGIN + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")


@dataclass
class Bucket:
    """The folder of one dataset, the queue of its arrivals, and the executions that were started on it, by content."""

    files: dict[str, tuple[int, float]] = field(default_factory=dict)  # name -> content, written at
    queue: list[tuple[float, str, float]] = field(default_factory=list)  # due at, key or "look", sent at
    started: list[str] = field(default_factory=list)
    gone: list[float] = field(default_factory=list)  # when files were deleted
    open_upload: str = ""
    ledger: Ledger = field(default_factory=lambda: Ledger(_SETTINGS))

    def __post_init__(self) -> None:
        vars(self.ledger)["table"] = MemoryTable()

    def look(self, *_: str) -> Look:
        text = "".join(f"{name} {content}\n" for name, (content, _) in sorted(self.files.items()))
        newest = max([*self.gone, *(written for _, written in self.files.values())], default=None)
        digest = hashlib.sha256(text.encode()).hexdigest()
        newest_at = "" if newest is None else at(newest).replace(".000", "")
        return Look(digest, len(self.files), newest_at, bool(self.files))

    def start(self, request: Any, ledger: Ledger, _: Settings) -> Answer:
        content, name = self.look().fingerprint, f"pets-{len(self.started) + 1}"
        self.started.append(content)
        Dataset("pets", _URI, fingerprint=content, execution_name=name).launch(ledger)
        return Answer(Decision.STARTED, request.reason, name)

    def deliver(self, now: float) -> None:
        """Hand over what is due, as Lambda does: a batch in no order."""
        due = [one for one in self.queue if one[0] <= now]
        self.queue = [one for one in self.queue if one[0] > now]
        records = [
            {
                "messageId": str(number),
                "body": '{"Look": "pets"}' if key == "look" else _body(key),
                "attributes": {
                    "SentTimestamp": _milliseconds(sent), "ApproximateFirstReceiveTimestamp": _milliseconds(now),
                },
            }
            for number, (_, key, sent) in enumerate(due)
        ]  # fmt: skip
        if records:
            answer = messages.on_messages(records, self.ledger, _SETTINGS)
            assert answer == {"batchItemFailures": []}
            if any(key != "look" for _, key, _ in due):
                self.queue.append((now + SETTLE, "look", now))

    def sweep(self, now: float) -> None:
        settling.sweep_drops(["pets"] if self.files else [], at(now), self.ledger, _SETTINGS)


def _body(key: str) -> str:
    return f'{{"bucket": {{"name": "{BUCKET}"}}, "object": {{"key": "datasets/pets/cat/{key}"}}}}'


def _milliseconds(seconds: float) -> str:
    return str(int((_BEGIN + timedelta(seconds=seconds)).timestamp() * 1000))


@dataclass(frozen=True)
class Change:
    """A file that is written (content 1, 2, ...), or deleted (0) if it is there; how long after the last change."""

    pause: int
    name: str
    content: int
    delays: tuple[int, ...]  # of each delivery of its event; none is a lost one


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """Give an empty folder."""
    made = Bucket()
    _wire(made, monkeypatch)
    return made


def _wire(made: Bucket, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(settling, "look_at", made.look)
    patch.setattr(settling, "under_way", lambda *_: made.open_upload)
    patch.setattr(settling, "start", made.start)
    patch.setattr(aws, "sqs", _Sender)


class _Sender:
    """Takes what is sent to the queue; the bucket keeps the look itself, on the test's clock."""

    def send_message(self, **message: Any) -> None:
        assert message["DelaySeconds"] == SETTLE


def play(made: Bucket, changes: list[Change], until: float, *, sweeps: bool = True) -> None:
    """Let the changes happen, events arrive and sweeps pass, second by second where anything does."""
    now, due = 0.0, []
    for change in changes:
        now += change.pause
        due.append((now, change))
    moments = {moment for moment, _ in due} | {moment + d for moment, one in due for d in one.delays}
    moments |= {float(tick) for tick in range(SWEEP, int(until), SWEEP)} if sweeps else set()
    moments |= {one[0] for one in made.queue}
    while moments:
        moment = min(moments)
        moments.remove(moment)
        if moment > until:
            break
        for when, change in due:
            if when == moment:
                _apply(made, change, moment)
        made.deliver(moment)
        if sweeps and moment % SWEEP == 0:
            made.sweep(moment)
        moments |= {one[0] for one in made.queue}


def _apply(made: Bucket, change: Change, moment: float) -> None:
    if change.content or change.name not in made.files:
        made.files[change.name] = (change.content, moment)
    else:
        del made.files[change.name]
        made.gone.append(moment)
    made.queue += [(moment + delay, change.name, moment + delay) for delay in change.delays]


_DELAYS = st.lists(st.sampled_from([1, 5, 60, 299, 300, 301, 900, 4000]), max_size=3).map(tuple)
_CHANGES = st.lists(
    st.builds(Change, st.integers(1, 290), st.sampled_from("abc"), st.integers(0, 2), _DELAYS), min_size=1, max_size=12
)
_LAST = Change(1, "z", 9, ())


@settings(max_examples=100, deadline=None)
@given(_CHANGES, _DELAYS)
def test_any_interleaving_ends_in_one_run_on_the_last_content(changes: list[Change], delays: tuple[int, ...]) -> None:
    """Events late, twice, reordered or lost: files that keep coming and going are one drop, and one execution."""
    made = Bucket()
    with pytest.MonkeyPatch.context() as patch:
        _wire(made, patch)
        total = sum(change.pause for change in changes) + 1

        play(made, [*changes, replace(_LAST, delays=delays)], until=total + 4 * 3600)

        assert made.started == [made.look().fingerprint]


@settings(max_examples=100, deadline=None)
@given(_CHANGES, st.lists(st.integers(1, 4000), min_size=12, max_size=12))
def test_after_pauses_the_last_run_is_on_the_last_content(changes: list[Change], pauses: list[int]) -> None:
    """However long a person pauses: no content is run twice in a row, and the newest is never left out."""
    made = Bucket()
    with pytest.MonkeyPatch.context() as patch:
        _wire(made, patch)
        slow = [replace(change, pause=pause) for change, pause in zip(changes, pauses, strict=False)]

        play(made, [*slow, _LAST], until=sum(change.pause for change in slow) + 4 * 3600)

        assert made.started[-1] == made.look().fingerprint
        assert all(one != other for one, other in zip(made.started, made.started[1:], strict=False))


@pytest.mark.parametrize("sweeps", [True, False])
def test_a_file_a_minute_for_hours_is_one_run(bucket: Bucket, sweeps: bool) -> None:
    """It begins when the last has settled, with or without the sweep."""
    changes = [Change(60, f"{number}", 1, (1,)) for number in range(300)]

    play(bucket, changes, until=300 * 60 + 299, sweeps=sweeps)
    assert bucket.started == []
    play(bucket, [], until=300 * 60 + 700, sweeps=sweeps)

    assert bucket.started == [bucket.look().fingerprint]


def test_deletions_alone_are_one_run(bucket: Bucket) -> None:
    """A file a minute goes, with its event."""
    bucket.files = {f"{number}": (1, 0.0) for number in range(60)}
    content = bucket.look().fingerprint
    Dataset("pets", _URI, fingerprint=content, execution_name="pets-0").launch(bucket.ledger)

    play(bucket, [Change(60, f"{number}", 0, (1,)) for number in range(30)], until=30 * 60 + 700, sweeps=False)

    assert bucket.started == [bucket.look().fingerprint]
    assert bucket.look().num_files == 30


def test_deletions_without_events_belong_to_their_drop(bucket: Bucket) -> None:
    """They begin while a drop settles and go on after: one run, on what is left."""
    bucket.files = {f"{number}": (1, -100_000.0) for number in range(9)}
    changes = [Change(1, "new", 1, (1,)), *(Change(250, f"{number}", 0, ()) for number in range(9))]

    play(bucket, changes, until=4 * 3600)

    assert bucket.started == [bucket.look().fingerprint]
    assert bucket.look().num_files == 1


def test_a_drop_that_does_not_settle_is_told_of_once(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """An app adds a picture every few minutes for days: nothing starts, and its owner is told once."""
    sent: list[str] = []
    monkeypatch.setattr(settling, "publish", lambda _settings, _subject, text: sent.append(text))

    play(bucket, [Change(240, f"{number}", 1, (1,)) for number in range(400)], until=96_000)

    assert bucket.started == []
    (text,) = sent
    assert text.startswith(
        f"dataset 'pets' waits since {at(300)}: files came or went until {at(86_641)}; it starts by itself"
    )
    assert text.endswith("or as it is now with `deploy.py start pets`")
    play(bucket, [], until=97_200)
    drop = Drop.get(bucket.ledger, "pets")
    assert len(bucket.started) == 1
    assert drop is not None
    assert (drop.waits_since, drop.told_at) == (None, None)


def test_a_hundred_thousand_files_are_one_write_and_one_look(bucket: Bucket) -> None:
    """A batch costs what a dataset costs, not what a file does."""
    writes: list[str] = []
    table: Any = bucket.ledger.table
    original = table.update

    def update(key: str, *rest: Any, **more: Any) -> bool:
        writes.append(key)
        return bool(original(key, *rest, **more))

    table.update = update
    bucket.queue = [(1.0, "x", 1.0)] * 100_000

    bucket.deliver(1.0)

    assert writes == ["drop#pets"]
    assert [key for _, key, _ in bucket.queue] == ["look"]


def test_an_open_upload_holds_the_drop_until_it_ends(bucket: Bucket) -> None:
    """Its object is not in the listing yet; status tells what is waited for."""
    bucket.open_upload = "the multipart upload of s3://b/x has not ended"
    play(bucket, [Change(1, "a", 1, (1,))], until=5000)
    drop = Drop.get(bucket.ledger, "pets")
    assert bucket.started == []
    assert drop is not None
    assert drop.remark == bucket.open_upload

    bucket.open_upload = ""
    bucket.sweep(5100)

    assert len(bucket.started) == 1


def test_files_from_before_the_stack_looked_are_no_drop(bucket: Bucket) -> None:
    """A stack that learns to start by itself starts nothing that lay there for long."""
    bucket.files = {"a": (1, -10 * 86_400.0)}

    for tick in range(1, 600):
        bucket.sweep(300.0 * tick)

    assert bucket.started == []


def test_a_folder_without_pictures_starts_nothing(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no dataset yet."""
    monkeypatch.setattr(settling, "look_at", lambda *_: Look("f", 3, at(1), has_pictures=False))

    play(bucket, [Change(1, "a", 1, (1,))], until=5000)

    drop = Drop.get(bucket.ledger, "pets")
    assert bucket.started == []
    assert drop is not None
    assert not drop.waits


def test_a_start_that_fails_is_tried_again(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """The function dies between the look and the start; the sweep finds the drop as it was."""

    def refuse(*_: Any) -> Any:
        raise AwsThrottledError("StartExecution: ThrottlingException: slower; start again later")

    Drop.note(bucket.ledger, "pets", at(1))
    bucket.files = {"a": (1, 1.0)}
    with monkeypatch.context() as patch:
        patch.setattr(settling, "start", refuse)
        bucket.sweep(600)
    assert bucket.started == []

    bucket.sweep(900)

    assert len(bucket.started) == 1


def test_a_file_that_comes_during_the_start_is_not_forgotten(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its event is handled beside the look, which knows nothing of it: the drop goes on waiting, and is run again."""

    def start(*arguments: Any) -> Answer:
        answer = bucket.start(*arguments)
        bucket.files["b"] = (1, 610.0)
        Drop.note(bucket.ledger, "pets", at(610))
        return answer

    Drop.note(bucket.ledger, "pets", at(1))
    bucket.files = {"a": (1, 1.0)}
    with monkeypatch.context() as patch:
        patch.setattr(settling, "start", start)
        bucket.sweep(600)
    bucket.sweep(900)
    assert len(bucket.started) == 1

    bucket.sweep(1200)

    assert bucket.started[-1] == bucket.look().fingerprint
    assert len(bucket.started) == 2
