"""`deploy.py runs`: every run of a stack, a row each."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from handlers.ledger import Run
from handlers.ledger.rows import minute
from ops.console import duration, say, table
from ops.prices.words import money
from ops.runs import executions
from ops.session import Session
from ops.stack.stacks import Stack

COLUMNS = ["run", "dataset", "started", "took", "outcome", "accuracy", "jobs cost"]


def show(session: Session, stack: Stack, dataset: str | None) -> None:
    """Print the runs, the newest first, of one dataset where it is named."""
    runs = [run for run in Run.all(executions.ledger(session, stack)) if dataset in {None, run.dataset}]
    table("", COLUMNS, rows(runs))
    if not runs:
        of = f" of dataset {dataset!r}" if dataset else ""
        say(f"no run{of} yet; deploy.py upload FOLDER --dataset NAME{session.flags}")
    elif len(runs) > 1:
        say(f"two side by side: deploy.py compare RUN RUN{session.flags}")


def rows(runs: Iterable[Run]) -> list[list[str]]:
    """Return a row a run, the newest first."""
    return [
        [
            run.execution_name,
            run.dataset or "-",
            minute(run.started_at),
            took(run),
            outcome(run),
            "-" if run.accuracy is None else f"{run.accuracy:.4f}",
            "-" if run.dollars is None else money(run.dollars),
        ]
        for run in sorted(runs, key=lambda one: one.started_at or "", reverse=True)
    ]


def took(run: Run) -> str:
    """Return how long a run took, "-" while it runs or where nobody has noted it."""
    if not run.started_at or not run.ended_at:
        return "-"
    return duration((datetime.fromisoformat(run.ended_at) - datetime.fromisoformat(run.started_at)).total_seconds())


def outcome(run: Run) -> str:
    """Return a run's status in a word or two, with the state in which it failed."""
    if run.waits_for_approval:
        return "waits for approval"
    return f"{run.status.lower()} in {run.failed_state}" if run.failed_state else run.status.lower()
