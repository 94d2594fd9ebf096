"""The account's clock."""

import threading
import time
from threading import Event

import pytest
from embedded_account.clock import Clock


def test_clock_runs_as_many_times_faster_as_it_is_told():
    """A minute passes in a tenth of a second at speed 600."""
    clock = Clock(speed=600)
    before = clock.time()

    clock.sleep(60)

    assert 60 <= clock.time() - before < 600


def test_wait_ends_early_when_the_event_is_set():
    """A set event ends the wait at once, whatever the time-out."""
    event, started = Event(), time.monotonic()
    event.set()

    assert Clock().wait(event, 3600)
    assert time.monotonic() - started < 1


def test_clock_refuses_to_stand_still():
    """A speed of 0 would make every wait endless."""
    with pytest.raises(ValueError, match="must be above 0"):
        Clock(speed=0)


def test_whoever_waits_sees_that_the_clock_is_put_forward():
    """A wait of an hour ends within a second once the clock is an hour further."""
    clock, started = Clock(), time.monotonic()
    threading.Timer(0.05, clock.advance, [3600]).start()

    assert not clock.wait(Event(), 3600)
    assert time.monotonic() - started < 2


def test_the_clock_does_not_go_back():
    """An advance by nothing or less is refused."""
    with pytest.raises(ValueError, match="must be above 0"):
        Clock().advance(0)
