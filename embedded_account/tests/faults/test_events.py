"""Faults of events on their way to a queue."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from embedded_account.faults.remote import Faults
from embedded_account.pytest_plugin import RunningAccount
from support.queues import Queue, messages, new_queue

from embedded_account import control


@pytest.fixture
def heard(account: RunningAccount) -> Iterator[Queue]:
    """Give a queue of the shared account that hears every event of the source `test.faults`."""
    with _hearing(account) as queue:
        yield queue


@contextmanager
def _hearing(account: RunningAccount) -> Iterator[Queue]:
    queue, events = new_queue(account), account.client("events")
    name = queue.arn.rpartition(":")[2]
    events.put_rule(Name=name, EventPattern=json.dumps({"source": ["test.faults"]}))
    events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": queue.arn}])
    yield queue
    events.disable_rule(Name=name)


def _put(account: RunningAccount, number: int, kind: str = "Counted") -> None:
    entry = {"Source": "test.faults", "DetailType": kind, "Detail": json.dumps({"number": number})}
    account.client("events").put_events(Entries=[entry])


def _numbers(account: RunningAccount, queue: Queue, count: int) -> list[int]:
    return [json.loads(body)["detail"]["number"] for body in messages(account, queue, at_least=count)]


def test_a_fault_may_be_meant_for_one_target(account: RunningAccount, faults: Faults, heard: Queue) -> None:
    """Its name ends with the target's ARN, as a pattern; another target of the event is left alone."""
    faults.add("duplicate-event", name="Counted > *:somewhere-else")
    faults.add("duplicate-event", name=f"Counted > {heard.arn}", copies=3)

    _put(account, 1)
    _put(account, 2)

    assert sorted(_numbers(account, heard, 4)) == [1, 1, 1, 2]


def test_a_duplicated_event_comes_twice_with_one_id(account: RunningAccount, faults: Faults, heard: Queue) -> None:
    """EventBridge delivers at least once: both copies carry the same id.

    Source: EventBridge user guide, "Event retry policy and using dead-letter queues": at-least-once delivery.
    """
    faults.add("duplicate-event", name="Counted")

    _put(account, 1)

    events = [json.loads(body) for body in messages(account, heard, at_least=2)]
    assert events[0] == events[1]


def test_an_event_can_come_ten_times(account: RunningAccount, faults: Faults, heard: Queue) -> None:
    """`copies` says how often; the next event comes once."""
    faults.add("duplicate-event", name="Counted", copies=10)

    _put(account, 1)
    _put(account, 2)

    assert sorted(_numbers(account, heard, 11)) == [1] * 10 + [2]


def test_a_lost_event_does_not_come(account: RunningAccount, faults: Faults, heard: Queue) -> None:
    """The one after it does."""
    faults.add("lose-event", name="Counted")

    _put(account, 1)
    _put(account, 2)

    assert _numbers(account, heard, 1) == [2]


def test_a_delayed_event_comes_later(account_at_speed: Callable[[float], RunningAccount]) -> None:
    """It comes after the seconds that were asked for, and events of another kind do not wait for it."""
    stepped = account_at_speed(1.000001)
    faults = Faults(stepped.info)
    with _hearing(stepped) as heard:
        faults.add("delay-event", name="Counted", seconds=3600)

        _put(stepped, 1)
        _put(stepped, 2, "Other")
        at_once = _numbers(stepped, heard, 1)
        control.advance_clock(stepped.info, 3600)

        assert at_once == [2]
        assert _numbers(stepped, heard, 1) == [1]


def test_reordered_events_change_places(account: RunningAccount, faults: Faults, heard: Queue) -> None:
    """The first of its kind comes after the second."""
    faults.add("reorder-events", name="Counted")

    _put(account, 1)
    _put(account, 2)

    assert _numbers(account, heard, 2) == [2, 1]


def test_what_is_held_back_comes_when_its_time_is_over(account: RunningAccount, faults: Faults, heard: Queue) -> None:
    """Without a second event the first is delivered at the end of the fault's lifetime."""
    faults.add("reorder-events", name="Counted", lifetime_seconds=0.3)

    _put(account, 1)

    assert _numbers(account, heard, 1) == [1]
