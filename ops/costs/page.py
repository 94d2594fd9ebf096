"""`deploy.py costs`: the table of what a stack has cost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from ops.console import duration, say, table
from ops.costs import bill, billed
from ops.costs.usage import usage
from ops.prices import book, items
from ops.session import Session
from ops.stack.stacks import Stack

COLUMNS = ["what", "how much", "US dollars"]
_LEFT_OUT = "not in it: data transfer, requests to S3 and DynamoDB, disks, traces, alarms, keys, tax; nor the free tier"


@dataclass(frozen=True)
class Costs:
    """What a stack has cost: a row an item of COLUMNS with the sum last, and whose prices they are, in words."""

    days: float  # those of the stack's that were counted
    rows: list[list[str]]
    prices: str


def costs(session: Session, stack: Stack, days: float) -> Costs:
    """Return what the stack has cost in the last `days`."""
    values = stack.parameters
    wanted = items.of_stack(values)
    prices, used = book.prices(session, wanted), usage(session, stack, days)
    lines = bill.lines(used, values, prices)
    summed = [bill.total(lines), bill.per_thousand(lines, used.predict.invocations)]
    return Costs(used.days, [line.cells() for line in [*lines, *summed]], prices.words(*wanted))


def show(session: Session, stack: Stack, days: float, *, with_billed: bool) -> None:
    """Print what the stack has cost in the last `days`, and what AWS has billed."""
    stack_costs = costs(session, stack, days)
    made = f"since it was made {duration(stack_costs.days * 86_400)} ago"
    time = made if stack_costs.days < days else f"the last {days:g} days"
    table(f"stack {session.stack_name}, {time}", COLUMNS, stack_costs.rows)
    say(stack_costs.prices)
    say(_LEFT_OUT)
    if with_billed:
        say(billed.sentence(session, days, datetime.now(UTC).date()))
