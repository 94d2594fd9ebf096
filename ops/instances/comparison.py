"""The comparison as a command: which run, what it may cost, the table."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from handlers.ledger.runs import Run
from ops.console import result, say, table
from ops.errors import ExecutionError, unless_gone
from ops.instances import figures
from ops.instances.shapes import MAX_SECONDS, Shape
from ops.instances.trying import try_all
from ops.prices import book, items
from ops.prices.book import Prices
from ops.prices.words import money
from ops.runs import executions
from ops.session import Session
from ops.stack.stacks import Stack


def compare(
    session: Session,
    stack: Stack,
    run: str | None,
    shapes: Sequence[Shape],
    epochs: int,
    confirm: Callable[[str], bool] | None,
) -> None:
    """Measure every shape and print what each would take and cost for the run's own number of epochs.

    Raises:
        ExecutionError: no run has trained, or no shape could be measured.
    """
    job = training_job(session, stack, run)
    wanted = [items.training(shape.instance_type) for shape in shapes]
    prices = book.prices(session, wanted)
    say(f"training job {job['TrainingJobName']!r} is tried on {', '.join(map(str, shapes))}, one after another")
    if confirm is not None and not confirm(f"At most {money(at_most(shapes, prices))}. Go on?"):
        say("nothing was started")
        return
    measured = try_all(session, job, shapes, epochs, prices)
    if not measured:
        raise ExecutionError("no instance could be measured; the lines above say why")
    full = int(json.loads(job["HyperParameters"]["epochs"]))
    table(f"{full} epochs, as the run's", figures.COLUMNS, figures.rows(measured, full))
    say(figures.sentence(measured, full))
    if session.is_local:
        say("the embedded account's instances all have this machine's cores, whatever their type")
    result(
        f"apply: deploy.py up --parameter TrainingInstanceType=TYPE --parameter TrainingInstanceCount=N{session.flags}"
    )
    say(prices.words(*wanted))


def at_most(shapes: Sequence[Shape], prices: Prices) -> float | None:
    """Return what the jobs cost if each takes all its time; None where a price is not known."""
    each = [prices.dollars(items.training(shape.instance_type)) for shape in shapes]
    if any(price is None for price in each):
        return None
    return sum(shape.count * (price or 0.0) * MAX_SECONDS / 3600 for shape, price in zip(shapes, each, strict=True))


def training_job(session: Session, stack: Stack, run: str | None) -> Mapping[str, Any]:
    """Return the description of the final training job of a run, of the last that trained by default.

    Raises:
        ExecutionError: there is none.
    """
    runs = list(Run.all(executions.ledger(session, stack)))
    judged = [one for one in runs if one.execution_name == run or (run is None and one.accuracy is not None)]
    for one in sorted(judged, key=lambda each: each.started_at or "", reverse=True):
        name = executions.training_job_name(one)
        if job := unless_gone(session.sagemaker.describe_training_job, TrainingJobName=name):
            return job
    which = f"run {run!r}: there is no training job of it" if run else "no run has trained yet"
    raise ExecutionError(f"{which}; deploy.py models{session.flags} lists those that have trained")
