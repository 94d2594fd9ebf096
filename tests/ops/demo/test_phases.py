"""How the demo accounts for its time."""

from datetime import UTC, datetime, timedelta

from ops.demo.phases import Phases, covered_seconds

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
