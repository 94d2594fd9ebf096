"""ops/runs/listing.py: one row a run."""

from handlers.ledger import Run
from ops.runs.listing import rows


def test_a_row_tells_when_how_long_and_what_came_of_it() -> None:
    """The newest first; what is not known yet is a dash, and a failure has its state."""
    done = Run(
        "pets-1", status="SUCCEEDED", dataset="pets", started_at="2026-11-29T01:00:00", ended_at="2026-11-29T01:02:05",
        accuracy=0.91, dollars=0.042,
    )  # fmt: skip
    failed = Run(
        "pets-2", status="FAILED", dataset="pets", started_at="2026-11-29T02:00:00", failed_state="EvaluateModel"
    )
    waiting = Run("pets-3", status="RUNNING", started_at="2026-11-29T03:00:00", waits_since="2026-11-29T03:30:00")

    assert rows([done, failed, waiting]) == [
        ["pets-3", "-", "2026-11-29 03:00", "-", "waits for approval", "-", "-"],
        ["pets-2", "pets", "2026-11-29 02:00", "-", "failed in EvaluateModel", "-", "-"],
        ["pets-1", "pets", "2026-11-29 01:00", "2 min 05 s", "succeeded", "0.9100", "$0.04"],
    ]
