"""handlers/ledger/history.py: which model a rollback goes to, and which content does not come back by itself."""

import pytest

from handlers.contract.errors import RollbackError
from handlers.ledger import Run
from handlers.ledger.history import Rollback, served, way_back, withdrawn


def run(name: str, hour: int, **known: str) -> Run:
    """Return the record of a run that ended well at that hour."""
    fields = {"status": "SUCCEEDED", "dataset": "pets", "fingerprint": name[5:6], "ended_at": f"2026-11-29T{hour:02}"}
    return Run(name, **(fields | known))  # type: ignore[arg-type]


A, B, C = (run(f"pets-{letter * 12}-1", hour) for letter, hour in (("a", 1), ("b", 2), ("c", 3)))
LEFT_B = run(B.execution_name, 2, rolled_back_at="2026-11-29T04", rolled_back_by=f"{A.execution_name[:-1]}2")
BACK_TO_A = run(f"{A.execution_name[:-1]}2", 4, redeploys=A.execution_name, rolls_back=B.execution_name)


def back(*runs: Run, asked: str = "", serves: Run | None = None, noted: Run | None = None) -> Rollback:
    """Return the way back in a stack with these runs."""
    by_name = {one.execution_name: one for one in runs}
    return way_back(asked, by_name, *(one.execution_name if one else "" for one in (serves, noted)))


def test_the_way_back_goes_to_the_model_before():
    """What serves is left, and will be marked."""
    assert back(A, B, C, serves=C, noted=C) == Rollback(B.execution_name, C.execution_name)


def test_a_named_run_is_gone_back_to():
    """However long it is ago."""
    assert back(A, B, C, asked=A.execution_name, serves=C).target == A.execution_name


def test_the_second_rollback_goes_further_back():
    """It neither toggles nor meets the model that was rolled back: there is none before the first."""
    older = run("pets-999999999999-1", 0)

    assert back(older, A, LEFT_B, BACK_TO_A, serves=BACK_TO_A) == Rollback(older.execution_name, A.execution_name)
    with pytest.raises(RollbackError, match=rf"no model has served before that of {A.execution_name!r}; .*models"):
        back(A, LEFT_B, BACK_TO_A, serves=BACK_TO_A)


def test_after_a_redeployment_the_way_back_is_what_served():
    """Data that came back as they were had the first model deployed again; the second served before that."""
    again = run(f"{A.execution_name[:-1]}2", 3, redeploys=A.execution_name)

    assert back(A, B, again, serves=again) == Rollback(B.execution_name, A.execution_name)


def test_going_forward_to_a_model_that_was_left_marks_nothing():
    """Who takes it back by name has nothing against the other."""
    assert back(A, LEFT_B, BACK_TO_A, asked=B.execution_name, serves=BACK_TO_A) == Rollback(B.execution_name)


def test_after_the_endpoint_was_deleted_the_last_model_is_left():
    """The note says what served; by name that may come back too."""
    assert back(A, B, noted=B) == Rollback(A.execution_name, B.execution_name)
    assert back(A, B, asked=B.execution_name, noted=B).target == B.execution_name


def test_what_was_deployed_by_hand_is_left_unmarked():
    """No run has made what serves."""
    assert way_back("", {one.execution_name: one for one in (A, B)}, "by-hand", "") == Rollback(B.execution_name)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (B.execution_name, "serves the model of .* already; `deploy.py models` lists"),
        ("pets-ffffffffffff-1", "there is no record of it; `deploy.py models` lists those that have served"),
        ("pets-dddddddddddd-1", "ended FAILED, so its model has never served"),
    ],
)
def test_what_cannot_be_gone_back_to_is_said_in_words(asked, message):
    """Each with the next command."""
    with pytest.raises(RollbackError, match=message):
        back(A, B, run("pets-dddddddddddd-1", 3, status="FAILED"), asked=asked, serves=B)


def test_a_stack_without_a_model_says_how_to_get_one():
    """There is no way back before there was a way forth."""
    with pytest.raises(RollbackError, match=r"no model has served yet; start with `deploy\.py upload"):
        back()


def test_only_runs_that_ended_well_have_served():
    """The newest first."""
    assert served([A, run("x", 5, status="FAILED"), B]) == [B, A]


@pytest.mark.parametrize(
    ("runs", "key", "is_withdrawn"),
    [
        ([A, LEFT_B, BACK_TO_A], "b" * 12, True),
        ([A, LEFT_B, BACK_TO_A], "c" * 12, False),
        ([A, LEFT_B, BACK_TO_A], "", True),
        ([A, B], "b" * 12, False),
        ([A, LEFT_B, run(f"{B.execution_name[:-1]}2", 5)], "b" * 12, False),
    ],
    ids=["same content", "another setting", "by the clock the data suffice", "nothing rolled back", "trained again"],
)
def test_content_of_a_model_that_was_left_is_known(runs, key, is_withdrawn):
    """Until somebody has it trained again on purpose."""
    assert bool(withdrawn("pets", "b", key, runs)) is is_withdrawn


def test_a_model_that_a_person_rejected_is_withdrawn():
    """It has never served, and its content does not come again by itself; once approved, its successor does."""
    refused = run(A.execution_name, 1, status="FAILED", rejected_at="2026-11-29T01")
    later = run(f"{A.execution_name[:-1]}2", 2, fingerprint="a")

    assert withdrawn("pets", "a", "", [refused]) == refused
    assert withdrawn("pets", "a", "a" * 12, [refused]) == refused
    assert withdrawn("pets", "b", "", [refused]) is None
    assert withdrawn("pets", "a", "", [refused, later]) is None
