"""ops/runs/watching.py: how often it looks, and what an execution did not pay for under the state that found it."""

from datetime import UTC, datetime

import pytest

from handlers.ledger import Run
from ops.runs.executions import Execution, StateProgress
from ops.runs.status_page import outcome
from ops.runs.watching import View, _lines, pause_seconds

_AT = datetime(2026, 11, 30, tzinfo=UTC)
_FOUND = ["examination of run flowers-1", "tuning of run flowers-2"]


def _execution() -> Execution:
    states = [StateProgress(name, _AT, _AT) for name in ("ComputeFeatures", "StartTuningJob", "StartTrainingJob")]
    return Execution(
        "arn", "flowers-3", "RUNNING", _AT, None, "flowers", states, record=Run("flowers-3", reused=_FOUND)
    )


def test_what_was_found_follows_the_state_that_found_it() -> None:
    """One line each, once, with the run that paid."""
    lines = [line.strip() for _, line in _lines(View(_execution()))]

    at = lines.index("found: tuning of run flowers-2, nothing paid")
    assert "StartTuningJob ..." in lines[at - 1]
    assert lines.count("found: examination of run flowers-1, nothing paid") == 1
    assert not any("found: training" in line for line in lines)


def test_the_page_says_what_was_found() -> None:
    """In one row."""
    told = "examination of run flowers-1, tuning of run flowers-2; nothing was paid for it again"

    assert ("found", told) in outcome(_execution())


@pytest.mark.parametrize(("lasted", "expected"), [(0.0, 0.15), (4.0, 0.4), (600.0, 1.0)])
def test_looks_become_rarer_the_longer_a_state_lasts(lasted: float, expected: float) -> None:
    """A job is not slowed down by being looked at, and what is short is seen when it ends."""
    assert pause_seconds(lasted) == expected
