"""Faults are described, counted and cleared."""

import dataclasses
import re

import pytest
from embedded_account.account import Account
from embedded_account.faults.board import Board
from embedded_account.faults.fault import DELAY_KINDS, KINDS, Fault, FaultError

_NEEDED = {"service": "s3", "operation": "PutObject", "caller": "x", "name": "n", "seconds": 1.0}


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"kind": "melt"}, "kind of fault: 'melt'; known are throttle, error"),
        ({"kind": "throttle"}, "fault 'throttle': no service is given; name one"),
        ({"kind": "throttle", "service": "s3", "size": 1}, "fault member: 'size'; known are"),
        ({"kind": "throttle", "service": ""}, "service of a fault: ''; it must be a text"),
        ({"kind": "throttle", "service": "s3", "count": 0}, "count of a fault: 0; it must be a whole number above 0"),
        ({"kind": "throttle", "service": "s3", "skip": -1}, "skip of a fault: -1; it must be a whole number"),
        ({"kind": "slow", "service": "s3", "seconds": float("nan")}, "seconds of a fault: nan; it must be above 0"),
        ({"kind": "crash-caller"}, "fault 'crash-caller': no caller is given"),
    ],
)
def test_a_fault_that_cannot_be_made_is_refused_by_its_value(members, message):
    """The member, its value and what it should be are named."""
    with pytest.raises(FaultError, match=re.escape(message)):
        Fault.parse(members)


def test_every_kind_can_be_made():
    """Each kind passes with every member that any kind needs."""
    members = {kind: {"name": "x", "seconds": 1.0} if kind in DELAY_KINDS else _NEEDED for kind in KINDS}

    assert [Fault.parse({"kind": kind, **members[kind]}).kind for kind in KINDS] == list(KINDS)


def test_a_fault_skips_occasions_and_clears_itself_by_count(bare_account: Account):
    """With skip 2 and count 2 the third and the fourth occasion are hit, then the fault is gone."""
    board = Board(bare_account)
    board.add(Fault.parse({"kind": "throttle", "service": "s3", "skip": 2, "count": 2}))

    hits = [board.take("throttle", occasion="call", service="s3") is not None for _ in range(6)]

    assert hits == [False, False, True, True, False, False]
    assert board.is_empty
    assert len(board.history()) == 2


def test_a_fault_clears_itself_by_time(bare_account: Account):
    """What has not happened within its lifetime does not happen any more."""
    board = Board(bare_account)
    board.add(Fault.parse({"kind": "throttle", "service": "s3", "lifetime_seconds": 0.05}))

    while not board.is_empty:
        bare_account.clock.sleep(0.01)

    assert board.take("throttle", occasion="call", service="s3") is None
    assert board.history() == []


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in DELAY_KINDS])
def test_every_kind_is_logged_and_clears_itself(bare_account: Account, kind: str):
    """What has happened stands in the history with its occasion, and does not wait to happen again."""
    board = Board(bare_account)
    fault = board.add(Fault.parse({"kind": kind, **_NEEDED}))

    happened = board.use(fault, "the test")

    assert happened
    assert [(each["id"], each["kind"], each["occasion"]) for each in board.history()] == [(fault.id, kind, "the test")]
    assert board.is_empty
    assert not board.use(fault, "once more")


def test_text_members_are_patterns(bare_account: Account):
    """A fault on `Put*` leaves other operations alone."""
    board = Board(bare_account)
    board.add(Fault.parse({"kind": "drop", "service": "s3", "operation": "Put*"}))

    assert board.take("drop", occasion="call", service="s3", operation="GetObject") is None
    assert board.take("drop", occasion="call", service="s3", operation="PutObject") is not None


def test_description_says_what_was_given():
    """Members that were left out are left out again."""
    fault = dataclasses.replace(Fault.parse({"kind": "throttle", "service": "s3"}), id="fault-1")

    assert fault.describe() == {"kind": "throttle", "service": "s3", "count": 1, "id": "fault-1"}
