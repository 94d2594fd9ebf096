"""How the demo accounts for its time."""

import time
from datetime import UTC, datetime, timedelta

from ops.demo.phases import Laps, Phases, covered_seconds

START = datetime(2026, 1, 1, tzinfo=UTC)


def _interval(start: float, end: float) -> tuple[datetime, datetime]:
    return START + timedelta(seconds=start), START + timedelta(seconds=end)


def test_overlapping_jobs_count_once() -> None:
    """Two training jobs side by side cover the time of one."""
    assert covered_seconds([_interval(0, 10), _interval(5, 8), _interval(9, 12), _interval(20, 21)]) == 13


def test_no_jobs_cover_nothing() -> None:
    """Without a job all time is orchestration."""
    assert covered_seconds([]) == 0


def test_orchestration_is_the_rest() -> None:
    """What is no job and no endpoint start counts as orchestration, and nothing else does."""
    phases = Phases(wall=60, examination=0, tuning=20, training=20, serving=5, busy=45)

    assert phases.orchestration == 15


def test_states_have_what_the_steps_before_left() -> None:
    """The parts of the orchestration add up to it."""
    laps = {"start": 2.0, "deployment": 3.0, "upload": 4.0}
    phases = Phases(wall=60, examination=0, tuning=20, training=20, serving=5, busy=45, laps=laps)

    assert phases.parts == {**laps, "states": 6.0}


def test_laps_follow_each_other() -> None:
    """The first step began when the demo did, each other one when the one before had ended."""
    started = time.time() - 5
    laps = Laps(started)

    laps.end("start")
    laps.end("deployment")

    ended = time.time()
    assert list(laps.seconds) == ["start", "deployment"]
    assert 5 <= sum(laps.seconds.values()) <= ended - started
