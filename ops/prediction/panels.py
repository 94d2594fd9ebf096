"""What the page shows of the stack beside the picture: runs, models, reviews, load and costs, a table each.

A panel is read when a person looks at it, and runs again and again while they do; what costs money to ask (metrics) is
asked once a look.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from handlers.ledger import Run, Serving
from handlers.ledger.rows import minute
from ops.costs import bill, page
from ops.costs.usage import usage
from ops.prices import book, items
from ops.runs import executions, listing, models, status_page
from ops.session import Session
from ops.stack import endpoints
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
    known = sorted(_runs(session, stack), key=lambda run: run.started_at or "", reverse=True)[:_MAX_ROWS]
    rows = listing.rows(known)
    for run, row in zip(known, rows, strict=True):
        if run.is_open and not run.waits_for_approval:
            row[listing.COLUMNS.index("outcome")] = _now(session, stack, run)
    return Panel(
        listing.COLUMNS, rows, "" if rows else f"no run yet: deploy.py upload FOLDER --dataset NAME{session.flags}"
    )


def trained(session: Session, stack: Stack) -> Panel:
    """Return the models, and which of them serves."""
    name, ledger = stack.output("EndpointName"), executions.ledger(session, stack)
    endpoint = endpoints.find(session, name)
    serving = Serving.get(ledger, name) if endpoint else None
    rows = models.listed({run.execution_name: run for run in _runs(session, stack)}, {}, serving)
    facts = "; ".join(f"{what}: {words}" for what, words in status_page.endpoint_facts(endpoint))
    shown = [[row.version, row.run, row.trained_at, row.accuracy, row.fate] for row in rows[:_MAX_ROWS]]
    return Panel(["version", "run", "trained", "accuracy", "what became of it"], shown, facts)


def reviews(session: Session, stack: Stack) -> Panel:
    """Return the models that wait for a person's word, with the evidence and the commands."""
    waiting = [run for run in _runs(session, stack) if run.waits_for_approval]
    rows = [
        [
            run.execution_name,
            f"{minute(run.waits_since)} to {minute(run.waits_until)}",
            "-" if run.accuracy is None else f"{run.accuracy:.4f}",
            run.evidence or "-",
            f"deploy.py approve {run.execution_name}{session.flags}",
        ]
        for run in waiting
    ]
    note = "" if rows else "no model waits for approval"
    return Panel(["run", "waits", "accuracy", "evidence", "a yes"], rows, note)


def load(session: Session, stack: Stack) -> Panel:
    """Return the last hour's predictions by five minutes, as callers got them."""
    end = datetime.now(UTC)
    metrics = {name: ("Sum", name) for name in _COUNTS} | {
        "p50 ms": ("p50", "TotalLatency"),
        "p95 ms": ("p95", "TotalLatency"),
    }
    queries = [
        {
            "Id": f"m{number}",
            "MetricStat": {
                "Metric": {
                    "Namespace": "Retriever",
                    "MetricName": metric,
                    "Dimensions": [{"Name": "service", "Value": session.stack_name}],
                },
                "Period": _PERIOD_SECONDS,
                "Stat": statistic,
            },
        }
        for number, (statistic, metric) in enumerate(metrics.values())
    ]
    answer = session.client("cloudwatch").get_metric_data(
        MetricDataQueries=queries, StartTime=end - timedelta(minutes=_LOAD_MINUTES), EndTime=end
    )
    by_moment: dict[datetime, dict[str, float]] = {}
    for name, result in zip(metrics, answer["MetricDataResults"], strict=True):
        for at, value in zip(result["Timestamps"], result["Values"], strict=True):
            by_moment.setdefault(at, {})[name] = value
    rows = [
        [f"{at:%H:%M}", *(f"{values[name]:.0f}" if name in values else "-" for name in metrics)]
        for at, values in sorted(by_moment.items(), reverse=True)
    ]
    return Panel(["from (UTC)", *metrics], rows, "" if rows else "no prediction in the last hour")


def costs(session: Session, stack: Stack) -> Panel:
    """Return what the stack has cost in a week, by AWS's prices."""
    wanted = items.of_stack(stack.parameters)
    prices, used = book.prices(session, wanted), usage(session, stack, _COST_DAYS)
    lines = bill.lines(used, stack.parameters, prices)
    summed = [bill.total(lines), bill.per_thousand(lines, used.predict.invocations)]
    note = f"the last {_COST_DAYS:.0f} days; {prices.words(*wanted)}"
    return Panel(page.COLUMNS, [line.cells() for line in [*lines, *summed]], note)


def _runs(session: Session, stack: Stack) -> list[Run]:
    return list(Run.all(executions.ledger(session, stack)))


def _now(session: Session, stack: Stack, run: Run) -> str:
    """Return the state in which an open run is."""
    arn = executions.find_arn(session, stack, run.execution_name)
    states = executions.load(session, stack, arn).states
    return f"in {states[-1].name}" if states else "starting"
