"""What usage costs: quantities times prices, and nothing made up where one of both is not known."""

from datetime import UTC, datetime

import pytest

from handlers.ledger import Run
from ops.costs import bill
from ops.costs.usage import Function, Usage, runs_since
from ops.prices.book import Prices

_PRICES = Prices("us-east-1", {})
_VALUES = {"EndpointInstanceType": "ml.m5.large", "PredictProvisionedConcurrency": "2"}
_BILLS = {"StartTrainingJob": {"Jobs": 1, "InstanceType": "ml.m5.xlarge", "BilledSeconds": 1800, "Dollars": 0.115}}
_USED = Usage(
    days=7.0,
    runs=[Run("a", bills=_BILLS, dollars=0.115), Run("b")],
    instance_hours=168.0,
    predict=Function("predict", 1.0, invocations=2_000_000, seconds=100_000),
    others=[Function("x", 0.5, invocations=100, seconds=60)],
    stored_gb=10.0,
    logged_gb=None,
)


def test_each_line_is_quantity_times_price() -> None:
    """A week of one instance, two million predictions of 50 ms, two environments that are ready, ten GB."""
    assert [line.cells() for line in bill.lines(_USED, _VALUES, _PRICES)] == [
        ["runs", "2 runs, 30 min 00 s of instances; 1 without a bill", "$0.12"],
        ["endpoint", "168.0 instance-hours of ml.m5.large", "$19"],
        ["predictions", "2,000,000 invocations, 100,000 GB-seconds", "$2.07"],
        ["provisioned concurrency", "2 of 1 GB, as set now", "$5.04"],
        ["other functions", "100 invocations, 30 GB-seconds", "less than $0.01"],
        ["storage", "10.00 GB in the data bucket, as now", "$0.05"],
        ["logs", "not counted here", "unknown"],
    ]


def test_the_sum_says_what_is_not_in_it() -> None:
    """What nobody has counted is named beside the total."""
    line = bill.total(bill.lines(_USED, _VALUES, _PRICES))

    assert line.cells() == ["total", "without logs", "$27"]


@pytest.mark.parametrize(
    ("invocations", "kind", "expected"),
    [
        (2_000_000, "ml.m5.large", ["per 1,000 predictions", "of 2,000,000", "$0.01"]),
        (0, "ml.m5.large", ["per 1,000 predictions", "nobody has asked", "unknown"]),
        (2_000_000, "ml.x9.huge", ["per 1,000 predictions", "of 2,000,000", "unknown"]),
    ],
)
def test_a_thousand_predictions_have_their_share(invocations: float, kind: str, expected: list[str]) -> None:
    """Endpoint, function and what is kept ready: 26.43 dollars for two million."""
    lines = bill.lines(_USED, _VALUES | {"EndpointInstanceType": kind}, _PRICES)

    assert bill.per_thousand(lines, invocations).cells() == expected


def test_a_stack_that_was_not_used_costs_nothing() -> None:
    """No run, no instance, no invocation."""
    lines = bill.lines(
        Usage(1.0, stored_gb=0.0, logged_gb=0.0), _VALUES | {"PredictProvisionedConcurrency": "0"}, _PRICES
    )

    assert bill.total(lines).cells() == ["total", "", "$0.00"]


def test_runs_count_by_their_start() -> None:
    """One that began before the time is not of it; a record without a start is of an older version."""
    runs = [
        Run("a", started_at="2026-11-29T23:59:59+00:00"),
        Run("b", started_at="2026-11-30T00:00:00+00:00"),
        Run("c"),
    ]

    assert [run.execution_name for run in runs_since(runs, datetime(2026, 11, 30, tzinfo=UTC))] == ["b"]


@pytest.mark.parametrize(
    ("hours", "names"), [(0.0, ["serverless endpoint"]), (2.0, ["endpoint", "serverless endpoint"])]
)
def test_a_serverless_endpoint_is_billed_by_use(hours: float, names: list[str]) -> None:
    """Ten thousand seconds of two GB; hours of instances are of the time before."""
    values = _VALUES | {"EndpointKind": "serverless", "ServerlessMemoryMb": "2048"}
    used = Usage(7.0, instance_hours=hours, container_seconds=10_000.0)

    lines = [line for line in bill.lines(used, values, _PRICES) if "endpoint" in line.name]

    assert [line.name for line in lines] == names
    assert lines[-1].cells() == ["serverless endpoint", "20,000 GB-seconds", "$0.40"]
    lines = bill.lines(used, values | {"EndpointKind": "instance"}, _PRICES)  # changed back meanwhile
    assert [line.name for line in lines if "endpoint" in line.name] == ["endpoint", "serverless endpoint"]
