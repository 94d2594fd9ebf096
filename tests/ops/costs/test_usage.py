"""What was used, as CloudWatch counted it."""

from datetime import UTC, datetime, timedelta

import pytest

from ops.costs.usage import container_seconds, start_of
from ops.session import Session
from ops.stack.stacks import Stack

_NAMED = [{"Name": "EndpointName", "Value": "flowers"}, {"Name": "VariantName", "Value": "AllTraffic"}]
_HALF_A_SECOND = 500_000.0  # microseconds


@pytest.mark.parametrize(
    ("kind", "started_cold", "expected"), [("serverless", False, 0.5), ("instance", True, 0.5), ("instance", False, 0)]
)
def test_answers_of_instances_are_no_containers(
    session: Session, kind: str, started_cold: bool, expected: float
) -> None:
    """Whichever the endpoint is now: the minutes in which an instance told its processors' use are not serverless."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    _put(session, "AWS/SageMaker", "ModelLatency", now - timedelta(minutes=30))
    _put(session, "/aws/sagemaker/Endpoints", "CPUUtilization", now - timedelta(minutes=30))
    _put(session, "AWS/SageMaker", "ModelLatency", now - timedelta(minutes=10))
    if started_cold:
        _put(session, "AWS/SageMaker", "ModelSetupTime", now - timedelta(minutes=10))
    stack = Stack("id", "CREATE_COMPLETE", {"EndpointName": "flowers"}, {"EndpointKind": kind})

    assert container_seconds(session, stack, now - timedelta(days=1), now) == expected


@pytest.mark.parametrize("behind", [timedelta(hours=-1), timedelta(0), timedelta(hours=2)], ids=str)
def test_a_clock_behind_awss_asks_for_a_time(behind: timedelta) -> None:
    """Where the stack was made later than it is here, too: a minute at least, in order."""
    now = datetime(2026, 11, 30, tzinfo=UTC)

    start = start_of(now + behind, now)

    assert start <= now - timedelta(minutes=1)
    assert start == min(now + behind, now - timedelta(minutes=1))


def _put(session: Session, namespace: str, name: str, at: datetime) -> None:
    datum = {"MetricName": name, "Dimensions": _NAMED, "Timestamp": at, "Value": _HALF_A_SECOND}
    session.client("cloudwatch").put_metric_data(Namespace=namespace, MetricData=[datum])
