"""What usage costs, line by line, at a region's prices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from handlers.ledger import Run
from ops.console import duration
from ops.costs.usage import Function, Usage
from ops.prices import items
from ops.prices.book import Prices
from ops.prices.words import money

_MONTH_DAYS = 730 / 24
_SERVING = ("endpoint", "serverless endpoint", "predictions", "provisioned concurrency")
_NOT_COUNTED = "not counted here"


@dataclass(frozen=True)
class Line:
    """One thing that was paid for; `dollars` is None where the quantity or the price is not known."""

    name: str
    quantity: str
    dollars: float | None

    def cells(self) -> list[str]:
        """Return it as a row of a table."""
        return [self.name, self.quantity, money(self.dollars)]


def lines(used: Usage, values: Mapping[str, str], prices: Prices) -> list[Line]:
    """Return what was used and what it costs, under the stack's parameters `values`."""
    return [
        _runs(used.runs),
        *_endpoint(used, values, prices),
        _functions("predictions", [used.predict], prices),
        *_provisioned(used, int(values["PredictProvisionedConcurrency"]), prices),
        _functions("other functions", used.others, prices),
        _storage(used, prices),
        _logs(used, prices),
    ]


def total(of: Iterable[Line]) -> Line:
    """Return the sum of what is known; the quantity says what is not in it."""
    listed = list(of)
    unknown = [line.name for line in listed if line.dollars is None]
    return Line("total", f"without {', '.join(unknown)}" if unknown else "", sum(line.dollars or 0 for line in listed))


def per_thousand(of: Iterable[Line], invocations: float) -> Line:
    """Return what a thousand predictions have cost, endpoint and function together; None where there was none."""
    serving = [line for line in of if line.name in _SERVING]
    known = sum(line.dollars or 0 for line in serving)
    is_known = invocations > 0 and all(line.dollars is not None for line in serving)
    quantity = f"of {invocations:,.0f}" if invocations else "nobody has asked"
    return Line("per 1,000 predictions", quantity, known / invocations * 1000 if is_known else None)


def _runs(runs: Sequence[Run]) -> Line:
    priced = [run for run in runs if run.dollars is not None]
    seconds = sum(bill["BilledSeconds"] for run in runs for bill in (run.bills or {}).values())
    number = "1 run" if len(runs) == 1 else f"{len(runs)} runs"
    unknown = f"; {len(runs) - len(priced)} without a bill" if len(priced) < len(runs) else ""
    billed = f", {duration(seconds)} of instances" if seconds else ""
    dollars = sum(run.dollars or 0 for run in priced) if priced or not runs else None
    return Line("runs", f"{number}{billed}{unknown}", dollars)


def _endpoint(used: Usage, values: Mapping[str, str], prices: Prices) -> list[Line]:
    """Return the endpoint's line; two where it has been both of instances and serverless."""
    kind, hours = values["EndpointInstanceType"], used.instance_hours
    is_serverless = values.get("EndpointKind") == "serverless"
    dollars = _times(prices.dollars(items.hosting(kind)), hours)
    of_instances = [Line("endpoint", f"{hours:,.1f} instance-hours of {kind}", dollars)]
    if not is_serverless and not used.container_seconds:
        return of_instances
    gb_seconds = used.container_seconds * int(values["ServerlessMemoryMb"]) / 1024
    dollars = _times(prices.dollars(items.SERVERLESS_GB_SECOND), gb_seconds)
    return [
        *(of_instances if hours or not is_serverless else []),
        Line("serverless endpoint", f"{gb_seconds:,.0f} GB-seconds", dollars),
    ]


def _functions(name: str, functions: Sequence[Function], prices: Prices) -> Line:
    count, used = (sum(getattr(each, what) for each in functions) for what in ("invocations", "gb_seconds"))
    asked, ran = _times(prices.dollars(items.INVOCATION), count), _times(prices.dollars(items.GB_SECOND), used)
    dollars = None if asked is None or ran is None else asked + ran
    return Line(name, f"{count:,.0f} invocations, {used:,.0f} GB-seconds", dollars)


def _provisioned(used: Usage, number: int, prices: Prices) -> list[Line]:
    """Return what environments that are kept ready cost, if there are as many all the time as now."""
    if not number:
        return []
    seconds = number * used.predict.gigabytes * used.days * 86_400
    dollars = _times(prices.dollars(items.PROVISIONED_GB_SECOND), seconds)
    return [Line("provisioned concurrency", f"{number} of {used.predict.gigabytes:g} GB, as set now", dollars)]


def _storage(used: Usage, prices: Prices) -> Line:
    if used.stored_gb is None:
        return Line("storage", _NOT_COUNTED, None)
    months = used.days / _MONTH_DAYS
    dollars = _times(prices.dollars(items.STORAGE_GB_MONTH), used.stored_gb * months)
    return Line("storage", f"{used.stored_gb:,.2f} GB in the data bucket, as now", dollars)


def _logs(used: Usage, prices: Prices) -> Line:
    if used.logged_gb is None:
        return Line("logs", _NOT_COUNTED, None)
    return Line("logs", f"{used.logged_gb:,.3f} GB taken in", _times(prices.dollars(items.LOG_GB), used.logged_gb))


def _times(price: float | None, quantity: float) -> float | None:
    return None if price is None else price * quantity
