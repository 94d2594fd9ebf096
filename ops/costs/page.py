"""`deploy.py costs`: the table of what a stack has cost."""

from __future__ import annotations

from datetime import UTC, datetime

from ops.console import duration, say, table
from ops.costs import bill, billed
from ops.costs.usage import usage
from ops.prices import book, items
from ops.session import Session
from ops.stack.stacks import Stack

COLUMNS = ["what", "how much", "US dollars"]
_LEFT_OUT = "not in it: data transfer, requests to S3 and DynamoDB, disks, traces, alarms, keys, tax; nor the free tier"


def show(session: Session, stack: Stack, days: float, *, with_billed: bool) -> None:
    """Print what the stack has cost in the last `days`, and what AWS has billed."""
    values = stack.parameters
    wanted = items.of_stack(values)
    prices, used = book.prices(session, wanted), usage(session, stack, days)
    lines = bill.lines(used, values, prices)
    summed = [bill.total(lines), bill.per_thousand(lines, used.predict.invocations)]
    time = f"the last {days:g} days" if used.days >= days else f"since it was made {duration(used.days * 86_400)} ago"
    title = f"stack {session.stack_name}, {time}"
    table(title, COLUMNS, [line.cells() for line in [*lines, *summed]])
    say(prices.words(*wanted))
    say(_LEFT_OUT)
    if with_billed:
        say(billed.sentence(session, days, datetime.now(UTC).date()))
