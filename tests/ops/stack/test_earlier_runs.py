"""What the next run is expected to cost goes by the last runs that did the whole work."""

from handlers.ledger import Run
from ops.stack import earlier_runs

_WHOLE: dict[str, object] = {"StartTuningJob": {}, "StartTrainingJob": {}}


def test_the_last_whole_runs_count() -> None:
    """Neither a run that found its search, nor one that failed, nor one without a price; five at most, in order."""
    runs = [
        Run(f"r{n}", "SUCCEEDED", started_at=f"2026-11-{n:02d}", bills=_WHOLE, dollars=n / 10) for n in range(9, 1, -1)
    ]
    others = [
        Run("failed", "FAILED", started_at="2026-12-01", bills=_WHOLE, dollars=9.0),
        Run("short", "SUCCEEDED", started_at="2026-12-02", bills={"StartTrainingJob": {}}, dollars=9.0),
        Run("unknown", "SUCCEEDED", started_at="2026-12-03", bills=_WHOLE),
        Run("old", "SUCCEEDED", started_at="2026-12-04"),
    ]

    assert earlier_runs.of_runs(others + runs) == [0.5, 0.6, 0.7, 0.8, 0.9]
