"""Lambda's limit is held against what the endpoint takes at its most."""

from typing import Any

import pytest

from ops.preflight import capacity
from ops.preflight.finding import Verdict
from ops.preflight.lambda_concurrency import Concurrency

ACCOUNT = Concurrency(limit=1000, unreserved=1000)
_TEXT = "at=2026-11-30T09:12Z run=r-1 network=resnet50 side=224 type=ml.m5.large p95_ms=200.0 per_minute=1200 low=1100"
VALUES = {
    "ScalingMeasurement": f"{_TEXT} high=1300 start_seconds=95 work_ms=31 workers=2 factor=0.5",
    "ScalingMaxInstances": "4",
    "PredictReservedConcurrency": "20",
    "EndpointReadTimeoutSeconds": "10",
    "EndpointKind": "instance",
}


def judge(account: Concurrency = ACCOUNT, **changed: Any) -> list[Any]:
    """Return the verdicts and remedies under changed parameters."""
    return [(one.verdict, one.need, one.remedies) for one in capacity.judge(VALUES | changed, account)]


def test_enough_to_fill_the_endpoint_fits() -> None:
    """Four instances take 80 a second; at 200 ms each that is 16 at one time, and 800 would wait ten seconds."""
    assert judge() == [(Verdict.FITS, "16 to fill the endpoint, at most 800 that it answers in time", ())]


@pytest.mark.parametrize(
    ("account", "changed", "remedies"),
    [
        (ACCOUNT, {"PredictReservedConcurrency": "5"}, ("PredictReservedConcurrency=16", "ScalingMaxInstances=1")),
        (Concurrency(10, 10), {"PredictReservedConcurrency": "0"}, ("ScalingMaxInstances=2",)),
        (ACCOUNT, {"PredictReservedConcurrency": "900"}, ("PredictReservedConcurrency=800",)),
    ],
)
def test_what_does_not_fit_is_a_warning(
    account: Concurrency, changed: dict[str, Any], remedies: tuple[str, ...]
) -> None:
    """Instances that Lambda lets nobody use, in a new account too; callers that would only wait until they time out."""
    [(verdict, _, offered)] = judge(account, **{**changed})

    assert verdict is Verdict.WARNS
    assert offered == tuple(f"--parameter {one}" for one in remedies)


@pytest.mark.parametrize("changed", [{"ScalingMeasurement": ""}, {"EndpointKind": "serverless"}])
def test_without_a_measurement_nothing_is_known(changed: dict[str, Any]) -> None:
    """Nothing is said then."""
    assert judge(**changed) == []
