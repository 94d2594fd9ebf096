"""handlers/ledger/events.py: which of several events of an object counts."""

import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.ledger import Event, EventStatus, Ledger, events
from handlers.ledger.events import comparable
from tests.handlers.stored import stored

_MARKER = "datasets/flowers/_SUCCESS"


@pytest.fixture
def claim(settings, world):
    """Give the claim of another invocation each time."""
    return lambda sequencer, key=_MARKER: Event.of(key, sequencer).claim(Ledger(settings))


def event(sequencer):
    return Event.of(_MARKER, sequencer)


_SEQUENCERS = st.text("0123456789ABCDEFabcdef", min_size=1, max_size=40)


@given(_SEQUENCERS, _SEQUENCERS)
def test_sequencers_compare_as_numbers(one, other):
    """Of different lengths or cases, the greater hexadecimal number is the later event."""
    assert (comparable(one) < comparable(other)) == (int(one, 16) < int(other, 16))


@pytest.mark.parametrize("order", list(itertools.permutations(["9", "0A", "00000B"])))
def test_claim_lets_no_older_event_follow_a_newer(world, claim, order):
    """In every order of three events, exactly those newer than all before are claimed."""
    claimed = []
    for sequencer in order:
        if claim(sequencer):
            event(sequencer).finish(world.ledger)
            claimed.append(sequencer)

    values = [int(s, 16) for s in order]
    expected = [s for i, s in enumerate(order) if values[i] == max(values[: i + 1])]
    assert claimed == expected


def test_claim_is_given_once(world, claim):
    """A duplicate finds the claim, before and after the event was handled."""
    assert claim("A")
    assert not claim("A")

    event("A").finish(world.ledger)

    assert not claim("A")


def test_claim_of_a_crashed_invocation_runs_out(world, claim, monkeypatch):
    """Lambda repeats the event after a minute; by then the claim is free."""
    claim("A")
    later = time.time() + events.CLAIM_SECONDS + 2
    monkeypatch.setattr(time, "time", lambda: later)

    assert claim("A")


def test_released_claim_is_free_at_once(world, claim):
    """After a failure the repeated invocation need not wait."""
    claim("A")

    event("A").release(world.ledger)

    assert claim("A")


def test_finish_leaves_a_newer_claim_alone(world, claim):
    """An older event that ends late does not mark the newer one as handled."""
    claim("A")
    claim("B")

    event("A").finish(world.ledger)

    assert stored(Event, world.ledger, _MARKER).status == EventStatus.CLAIMED


def test_sequencers_of_different_objects_are_not_compared(world, claim):
    """S3 orders the events of one key only."""
    claim("B")

    assert claim("A", key="datasets/flowers.zip")


def test_event_without_a_sequencer_is_taken(world, claim):
    """Without one there is no order to keep."""
    assert claim("")
    event("").finish(world.ledger)
    assert claim("")
