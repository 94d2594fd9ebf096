"""Rolling updates: batches, the wait between them, and the way back."""

import json
from typing import Any

import pytest
from embedded_account.errors import ServiceError
from embedded_account.pytest_plugin import RunningAccount
from embedded_account.sagemaker.endpoints.deployment import plan
from embedded_account.sagemaker.endpoints.rolling import batch_size
from support.hosted import Hosting, Load
from support.queues import messages, new_queue
from support.waiting import eventually


def _config(value: int = 50, kind: str = "CAPACITY_PERCENT", **members: Any) -> dict[str, Any]:
    return {
        "RollingUpdatePolicy": {
            "MaximumBatchSize": {"Type": kind, "Value": value},
            "WaitIntervalInSeconds": 60,
            **members,
        }
    }


@pytest.mark.parametrize(("value", "count", "expected"), [(50, 4, 2), (50, 3, 1), (5, 4, 1), (33, 6, 1), (50, 1, 1)])
def test_a_batch_is_a_share_of_the_instances(value: int, count: int, expected: int) -> None:
    """MaximumBatchSize by capacity is rounded down, and never below one instance.

    Source: SageMaker developer guide, "Use rolling deployments".
    """
    assert batch_size(("CAPACITY_PERCENT", value), count) == expected


@pytest.mark.parametrize(("value", "message"), [(4, "5 to 50 %"), (51, "5 to 50 %")])
def test_a_batch_outside_of_aws_bounds_is_refused(value: int, message: str) -> None:
    """AWS takes a maximum batch size of 5 to 50 % of the variant's total instance count.

    Source: SageMaker API reference, RollingUpdatePolicy.
    """
    with pytest.raises(ServiceError, match=message):
        plan(_config(value))


def test_two_policies_at_once_are_refused() -> None:
    """A deployment is blue/green or rolling.

    Source: SageMaker API reference, DeploymentConfig.
    """
    with pytest.raises(ServiceError, match="not both"):
        plan(_config() | {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE"}}})


@pytest.mark.slow
def test_rolling_update_goes_by_batches_and_fails_no_request(fast: RunningAccount) -> None:
    """Both fleets serve between the batches, never more than one instance above the count; events tell each step.

    Source: SageMaker developer guide, "Use rolling deployments".
    """
    hosting = Hosting(fast.client)
    name = hosting.endpoint("blue", count=2)
    green = hosting.config("green", count=2)
    queue, events = new_queue(fast), fast.client("events")
    pattern = {"detail-type": ["SageMaker Endpoint Deployment State Change"], "detail": {"EndpointName": [name]}}
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": queue.arn}])

    with Load(hosting, name) as load:
        hosting.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=green, DeploymentConfig=_config())
        mixed = _until_mixed(hosting, name)
        description = hosting.settled(name)

    heard = [json.loads(body)["detail"] for body in messages(fast, queue, at_least=6)]
    events.disable_rule(Name=name)
    statuses = {
        variant["VariantStatus"][0]["Status"]
        for detail in heard
        for variant in detail["PendingDeploymentSummary"]["ProductionVariants"]
    }
    assert mixed == (1, 1)
    assert description["EndpointConfigName"] == green
    assert description["ProductionVariants"][0]["CurrentInstanceCount"] == 2
    assert load.errors == []
    assert {"Creating", "ActivatingTraffic", "Baking"} <= statuses
    hosting.delete(name)


@pytest.mark.slow
def test_an_alarm_between_batches_brings_the_old_fleet_back(fast: RunningAccount) -> None:
    """The rollback restores every old instance and names the alarm.

    Source: SageMaker developer guide, "Use rolling deployments".
    """
    hosting, cloudwatch = Hosting(fast.client), fast.client("cloudwatch")
    name = hosting.endpoint("blue", count=2)
    before = hosting.sagemaker.describe_endpoint(EndpointName=name)["EndpointConfigName"]
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        Namespace="AWS/SageMaker",
        MetricName="Invocation5XXErrors",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1e9,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="ignore",
    )
    config = _config(WaitIntervalInSeconds=3600) | {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name}]}}

    with Load(hosting, name) as load:
        hosting.sagemaker.update_endpoint(
            EndpointName=name, EndpointConfigName=hosting.config("green", count=2), DeploymentConfig=config
        )
        _until_mixed(hosting, name)
        cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="the test says so")
        description = hosting.settled(name)

    assert (description["EndpointStatus"], description["EndpointConfigName"]) == ("InService", before)
    assert description["ProductionVariants"][0]["CurrentInstanceCount"] == 2
    assert name in description["FailureReason"]
    assert load.errors == []
    hosting.delete(name)


def _until_mixed(hosting: Hosting, name: str) -> tuple[int, int]:
    """Return how many instances of the old and of the new fleet serve once both do."""

    def mixed() -> tuple[int, int] | None:
        endpoint = hosting.sagemaker.describe_endpoint(EndpointName=name)
        pending = endpoint.get("PendingDeploymentSummary")
        old = endpoint["ProductionVariants"][0]["CurrentInstanceCount"]
        new = pending["ProductionVariants"][0]["CurrentInstanceCount"] if pending else 0
        return (old, new) if new and old < 2 else None

    fleets = eventually(mixed, 20, f"both fleets of endpoint {name!r}")
    assert fleets
    return fleets
