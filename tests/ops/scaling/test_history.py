"""Traffic as CloudWatch counted it."""

from datetime import UTC, datetime, timedelta

import pytest

from ops.errors import LoadError
from ops.scaling.history import from_cloudwatch
from ops.session import Session

_ROLE = "arn:aws:iam::123456789012:role/serving"


def test_minutes_are_those_of_the_endpoint(session: Session) -> None:
    """Minutes without a request count 0, those of other endpoints not at all."""
    _make_endpoint(session, "flowers")
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    for name, minutes_ago, count in (("flowers", 20, 7), ("flowers", 10, 3), ("other", 10, 99)):
        _count(session, name, now - timedelta(minutes=minutes_ago), count)

    trace = from_cloudwatch(session, "flowers", 1 / 24)

    counts = trace.per_minute
    assert (len(counts), sum(counts)) == (60, 10)
    assert [counts[-20], counts[-10]] == [7, 3]


def test_an_endpoint_that_is_not_there_is_named(session: Session) -> None:
    """With what helps instead."""
    with pytest.raises(LoadError, match="endpoint 'flowers': there is none; deploy a model first, or give --pattern"):
        from_cloudwatch(session, "flowers", 1)


def test_a_stopped_endpoint_has_had_its_traffic(session: Session) -> None:
    """What CloudWatch has counted is there when the endpoint is not."""
    _count(session, "flowers", datetime.now(UTC) - timedelta(minutes=10), 7)

    assert sum(from_cloudwatch(session, "flowers", 1).per_minute) == 7


def test_no_invocation_is_no_traffic(session: Session) -> None:
    """An idle endpoint has nothing to compare."""
    _make_endpoint(session, "flowers")

    with pytest.raises(LoadError, match="no invocation in 2 days"):
        from_cloudwatch(session, "flowers", 2)


def _make_endpoint(session: Session, name: str) -> None:
    variant = {"VariantName": "AllTraffic", "ModelName": name, "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    client = session.client("sagemaker")
    client.create_model(ModelName=name, ExecutionRoleArn=_ROLE, PrimaryContainer={"Image": "image"})
    client.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    client.create_endpoint(EndpointName=name, EndpointConfigName=name)


def _count(session: Session, endpoint: str, at: datetime, count: int) -> None:
    dimensions = [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": "AllTraffic"}]
    datum = {"MetricName": "Invocations", "Dimensions": dimensions, "Timestamp": at, "Value": count}
    session.client("cloudwatch").put_metric_data(Namespace="AWS/SageMaker", MetricData=[datum])
