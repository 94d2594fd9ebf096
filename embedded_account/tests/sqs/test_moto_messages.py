"""Tests that a queue's work grows with the messages that are handled, not with its square."""

from typing import Any

import pytest
from embedded_account.sqs import moto_clock, moto_messages
from moto.sqs import models

_NUM_MESSAGES = 500
_NOW = 1_000_000.0


class _CountingClock:
    """A clock that stands still and knows how often it was read."""

    def __init__(self) -> None:
        self.num_readings = 0
        self.now = _NOW

    def time(self) -> float:
        self.num_readings += 1
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> _CountingClock:
    """Give moto's queues what the account gives them, until the test is over; return their clock."""
    for owner, name in (
        (models, "unix_time"),
        (models, "unix_time_millis"),
        (models.SQSBackend, "send_message"),
        (models.SQSBackend, "receive_message"),
        (models.SQSBackend, "is_message_valid_based_on_retention_period"),
        (models.Queue, "delete_message"),
        (models, "generate_receipt_handle"),
    ):
        monkeypatch.setattr(owner, name, getattr(owner, name))
    monkeypatch.setattr(models.Message, "__deepcopy__", None, raising=False)
    clock = _CountingClock()
    moto_clock.install(clock)  # type: ignore[arg-type]
    moto_messages.install()
    return clock


@pytest.fixture
def backend(clock: _CountingClock) -> Any:
    """Return a backend with one queue, `full`, in which messages wait."""
    backend = models.SQSBackend("us-east-1", "123456789012")
    backend.create_queue("full", MessageRetentionPeriod=600)
    for number in range(_NUM_MESSAGES):
        backend.send_message("full", str(number))
    clock.now += 1
    return backend


def test_receiving_looks_a_few_times_at_each_message(clock: _CountingClock, backend: Any) -> None:
    """Messages that wait behind one are not counted anew for it."""
    before = clock.num_readings

    received = backend.receive_message("full", _NUM_MESSAGES, 0, 30)

    assert [message.body for message in received] == [str(number) for number in range(_NUM_MESSAGES)]
    assert clock.num_readings - before < 10 * _NUM_MESSAGES


def test_a_message_is_forgotten_after_its_retention(clock: _CountingClock, backend: Any) -> None:
    """What is older than the queue's MessageRetentionPeriod is handed out to no one."""
    clock.now += 600

    assert backend.receive_message("full", 10, 0, 30) == []


def test_attributes_that_nobody_asked_for_stay_with_the_message(clock: _CountingClock, backend: Any) -> None:
    """A receiver who names no attributes takes none from who asks for all of them later."""
    backend.create_queue("described")
    backend.send_message("described", "text", {"Kind": {"DataType": "String", "StringValue": "picture"}})
    clock.now += 1

    (bare,) = backend.receive_message("described", 1, 0, 0, [])
    clock.now += 1
    (whole,) = backend.receive_message("described", 1, 0, 0, ["All"])

    assert not bare.message_attributes
    assert whole.message_attributes["Kind"]["StringValue"] == "picture"


def test_every_receipt_has_a_handle_of_its_own(backend: Any) -> None:
    """Handles of messages that are received at once differ."""
    received = backend.receive_message("full", _NUM_MESSAGES, 0, 30)

    assert len({message.receipt_handle for message in received}) == _NUM_MESSAGES
