"""`deploy.py simulate`: go through the policies on a traffic, print them side by side, and draw a page."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from pathlib import Path
from typing import Any

from handlers.contract.measurement import Measurement
from ops.console import say, table
from ops.errors import LoadError
from ops.prices import items
from ops.prices.book import Prices
from ops.prices.table import REGION
from ops.prices.words import money
from ops.scaling import comparison, environments
from ops.scaling.fleet import Service
from ops.scaling.recommendation import Recommendation
from ops.scaling.traces import Trace
from ops.session import REPOSITORY, configured_region
from ops.stack import budget

# Until they are measured: a small network on two cores, and what starting an instance usually takes on AWS.
_ASSUMED: dict[str, float] = {"service_ms": 100.0, "workers": 2, "start_seconds": 240.0}
_COLD_MS = 300.0  # of the prediction function: its start of 70 ms, and what Lambda adds before it
_OWN_SECONDS = 0.005  # of a prediction, that are not the endpoint's


def template_values(local: bool, stack_name: str = "") -> dict[str, str]:
    """Return the template's parameters as a new stack would have them, with what was measured of `stack_name` here."""
    from ops.scaling import measured
    from ops.stack import parameters

    defaults = parameters.template_defaults((REPOSITORY / "template.yaml").read_text(encoding="utf-8"))
    known = {name: value for name, value in defaults.items() if value is not None}
    known |= parameters.local_profile() if local else {}
    return known | ({"ScalingMeasurement": measured.kept(stack_name, local=local)} if stack_name else {})


def default_page(stack_name: str) -> Path:
    """Return where the page goes when no file is named."""
    return REPOSITORY / "build" / "reports" / stack_name / "scaling.html"


def simulate(
    trace: Trace, values: Mapping[str, str], given: Mapping[str, Any], path: Path, prices: Prices | None = None
) -> Path:
    """Print every policy's outcome on `trace` and write the page; return its path.

    `given` has what a person said of an instance: service_ms, workers, start_seconds, instance_type, concurrency.
    Without `prices` they are the table's, and `values` the template's, not a stack's.

    Raises:
        LoadError: a number of it is out of its range.
    """
    service, assumed = service_of(values, given)
    cold_ms = _cold_ms(given)
    instance_type = given.get("instance_type") or values["EndpointInstanceType"]
    item, known = items.hosting(instance_type), prices or Prices(configured_region() or REGION, {})
    price = known.dollars(item)
    measured = Measurement.parse(values.get("ScalingMeasurement", ""))
    by_hand = any(given.get(name) is not None for name in ("service_ms", "workers"))
    capacity = service.per_minute if measured is None or by_hand else measured.per_minute
    recommended = Recommendation(capacity, service.start_seconds)
    if measured is not None:
        say(measured.words())
    say(f"{trace.name}: {len(trace.seconds):,} requests in {trace.hours:g} hours")
    if assumed:
        say(f"assumed: {', '.join(assumed)}; give them by their options, or measure them with `deploy.py measure`")
    policies = comparison.candidates(trace, recommended, values, "the stack's" if prices else "the template's")
    rows = comparison.compare(trace, policies, service, price)
    say(f"US dollars ({known.words(item)})")
    table(f"{trace.name}, on {instance_type}", comparison.COLUMNS, [row.cells() for row in rows])
    _show_serverless(trace, service, known, int(values["ServerlessMemoryMb"]))
    _show_environments(trace, service, known, cold_ms)
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_page(trace, service, instance_type, price, rows), encoding="utf-8")
    return path


def _show_serverless(trace: Trace, service: Service, prices: Prices, megabytes: int) -> None:
    """Print what the same traffic comes to without instances, if a container is as fast as one."""
    seconds = sum(service.seconds) / len(service.seconds)
    price = prices.dollars(items.SERVERLESS_GB_SECOND)
    used = len(trace.seconds) * seconds * megabytes / 1024
    month = None if price is None else used * price / trace.hours * comparison.MONTH_HOURS
    most = environments.at_one_time(max(trace.per_minute), seconds)
    say(
        f"EndpointKind=serverless with {megabytes} MB, where a container is as fast: {money(month)} a month of such "
        f"traffic, {most} at one time; who meets no container that runs waits for one to start"
    )


def _show_environments(trace: Trace, service: Service, prices: Prices, cold_ms: float) -> None:
    """Print how many predictions there are at one time, and what environments that are kept ready buy and cost."""
    seconds = sum(service.seconds) / len(service.seconds) + _OWN_SECONDS
    most = environments.at_one_time(max(trace.per_minute), seconds)
    say(f"predictions at one time while the endpoint keeps up: {most} in 999 of 1,000 moments of the busiest minute")
    say(f"PredictReservedConcurrency={most} lets them through, and bounds what the function can cost")
    hour = prices.dollars(items.PROVISIONED_GB_SECOND)
    price = None if hour is None else hour * 3600 * comparison.MONTH_HOURS * budget.PREDICT_GB
    rows = environments.options(trace, seconds, price)
    table("provisioned concurrency", environments.COLUMNS, environments.table_rows(rows, cold_ms))


def _cold_ms(given: Mapping[str, Any]) -> float:
    chosen = _COLD_MS if given.get("cold_ms") is None else float(given["cold_ms"])
    if not 0 <= chosen < inf:
        raise LoadError(f"cold ms: {chosen!r}; give 0 or more")
    return chosen


def service_of(values: Mapping[str, str], given: Mapping[str, Any]) -> tuple[Service, list[str]]:
    """Return what an instance is like, and in words what of it nobody gave and nobody measured."""
    measured = Measurement.parse(values.get("ScalingMeasurement", ""))
    known = {} if measured is None else _of_measured(measured)
    known |= {name: given[name] for name in _ASSUMED if given.get(name) is not None}
    chosen: dict[str, float] = _ASSUMED | known
    words = {
        "service_ms": "{:g} ms a request",
        "workers": "{:g} at a time",
        "start_seconds": "{:g} s to start an instance",
    }
    assumed = [words[name].format(chosen[name]) for name in _ASSUMED if name not in known]
    concurrency = given.get("concurrency")
    service = Service(
        seconds=(chosen["service_ms"] / 1000,),
        workers=int(chosen["workers"]),
        start_seconds=float(chosen["start_seconds"]),
        timeout_seconds=float(values["EndpointReadTimeoutSeconds"]),
        function_concurrency=int(values["PredictReservedConcurrency"]) if concurrency is None else concurrency,
    )
    return service, assumed


def _of_measured(measured: Measurement) -> dict[str, float]:
    return {
        "service_ms": measured.work_ms,
        "workers": measured.workers,
        "start_seconds": measured.start_seconds,
    }


def _page(trace: Trace, service: Service, instance_type: str, price: float | None, rows: list[comparison.Row]) -> str:
    from reports.scaling import Policy, scaling_page

    drawn = [
        Policy(row.outcome.policy.name, row.cells()[1:], [tuple(minute) for minute in row.outcome.minutes])
        for row in rows
    ]
    facts = {
        "Requests": f"{len(trace.seconds):,} in {trace.hours:g} hours",
        "A request at work": f"{1000 * sum(service.seconds) / len(service.seconds):.0f} ms on average",
        "At work at one time": f"{service.workers} in an instance, {service.queue} more wait",
        "One instance takes at most": f"{service.per_minute:,.0f} a minute",
        "Start of an instance": f"{service.start_seconds:g} s",
        "Metrics are there after": f"{service.metric_minutes} min",
        "Given up after": f"{service.timeout_seconds:g} s",
        "Predictions at one time": str(service.function_concurrency or "no limit"),
        "Instances": f"{instance_type}, " + (f"${price:g} an hour" if price else "price unknown"),
    }
    return scaling_page(trace.name, comparison.COLUMNS, drawn, facts, service.per_minute)
