"""What the page shows of the stack beside the picture: runs, models, reviews, load and costs, a table each.

A panel is read when a person looks at it, and runs again and again while they do; what costs money to ask (metrics) is
asked once a look.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from handlers.ledger import Run
from handlers.ledger.rows import minute
from ops.costs import page
from ops.metrics import Metric, series
from ops.runs import approvals, executions, listing, models, status_page
from ops.session import Session
from ops.stack import standby
from ops.stack.stacks import Stack

_MAX_ROWS = 50
_COST_DAYS = 7.0
_LOAD_MINUTES, _PERIOD_SECONDS = 60, 300
_COUNTS = ("Predictions", "ClientErrors", "Throttles", "ServerErrors")


@dataclass(frozen=True)
class Panel:
    """A table, and a sentence below it."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""

    def document(self) -> dict[str, Any]:
        """Return it as the page takes it."""
        return asdict(self)


def of_stack(session: Session, stack: Stack) -> Mapping[str, Callable[[], Panel]]:
    """Return what reads each panel, by its name, in the page's order."""
    readings = {"runs": runs, "models": trained, "reviews": reviews, "load": load, "costs": costs}
    return {name: lambda read=read: read(session, stack) for name, read in readings.items()}  # type: ignore[misc]


def runs(session: Session, stack: Stack) -> Panel:
    """Return the runs, the newest first; one that runs says in which state it is."""
    every = Run.all(executions.ledger(session, stack))
    known = sorted(every, key=lambda run: run.started_at or "", reverse=True)[:_MAX_ROWS]
    rows = listing.rows(known)
    for run, row in zip(known, rows, strict=True):
        if run.is_open and not run.waits_for_approval:
            row[listing.COLUMNS.index("outcome")] = _now(session, stack, run)
    return Panel(
        listing.COLUMNS, rows, "" if rows else f"no run yet: deploy.py upload FOLDER --dataset NAME{session.flags}"
    )


def trained(session: Session, stack: Stack) -> Panel:
    """Return the models, and which of them serves."""
    rows, endpoint = models.of_stack(session, stack, {})
    now = status_page.endpoint_facts(endpoint, standby.away(session, stack))
    facts = "; ".join(f"{what}: {words}" for what, words in now)
    shown = [[row.version, row.run, row.trained_at, row.accuracy, row.fate] for row in rows[:_MAX_ROWS]]
    return Panel(["version", "run", "trained", "accuracy", "what became of it"], shown, facts)


def reviews(session: Session, stack: Stack) -> Panel:
    """Return the models that wait for a person's word, with the evidence and the commands."""
    rows = [
        [
            run.execution_name,
            f"{minute(run.waits_since)} to {minute(run.waits_until)}",
            "-" if run.accuracy is None else f"{run.accuracy:.4f}",
            run.evidence or "-",
            f"deploy.py approve {run.execution_name}{session.flags}",
        ]
        for run in approvals.waiting_runs(session, stack)
    ]
    note = "" if rows else "no model waits for approval"
    return Panel(["run", "waits", "accuracy", "evidence", "a yes"], rows, note)


def load(session: Session, stack: Stack) -> Panel:
    """Return the last hour's predictions by five minutes, as callers got them."""
    end = datetime.now(UTC)
    shown = {name: ("Sum", name) for name in _COUNTS} | {
        "p50 ms": ("p50", "TotalLatency"),
        "p95 ms": ("p95", "TotalLatency"),
    }
    service = {"service": session.stack_name}
    metrics = [Metric("Retriever", name, service, statistic, _PERIOD_SECONDS) for statistic, name in shown.values()]
    by_moment: dict[datetime, dict[str, float]] = {}
    for name, counted in zip(shown, series(session, metrics, end - timedelta(minutes=_LOAD_MINUTES), end), strict=True):
        for at, value in counted:
            by_moment.setdefault(at, {})[name] = value
    rows = [
        [f"{at:%H:%M}", *(f"{values[name]:.0f}" if name in values else "-" for name in shown)]
        for at, values in sorted(by_moment.items(), reverse=True)
    ]
    return Panel(["from (UTC)", *shown], rows, "" if rows else "no prediction in the last hour")


def costs(session: Session, stack: Stack) -> Panel:
    """Return what the stack has cost in a week, by AWS's prices."""
    spent = page.costs(session, stack, _COST_DAYS)
    return Panel(page.COLUMNS, spent.rows, f"the last {_COST_DAYS:.0f} days; {spent.prices}")


def _now(session: Session, stack: Stack, run: Run) -> str:
    """Return the state in which an open run is."""
    arn = executions.find_arn(session, stack, run.execution_name)
    states = executions.load(session, stack, arn).states
    return f"in {states[-1].name}" if states else "starting"
