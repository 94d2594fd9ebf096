"""Blue/green updates: shares, waits on the account's clock, and rollback by alarm."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
from botocore.exceptions import ClientError
from embedded_account.errors import ServiceError
from embedded_account.pytest_plugin import RunningAccount
from embedded_account.sagemaker.endpoints.deployment import check_canary, plan
from support.hosted import Hosting, Load


@pytest.fixture(scope="module")
def hosting(account_at_speed: Callable[[float], RunningAccount]) -> Hosting:
    """Make endpoints in an account whose minutes take half a second."""
    return Hosting(account_at_speed(120).client)


@pytest.fixture
def cloudwatch(account_at_speed: Callable[[float], RunningAccount]) -> Any:
    """Give CloudWatch of the same account."""
    return account_at_speed(120).client("cloudwatch")


def test_canary_shifts_in_two_steps() -> None:
    """First the canary's share, then all.

    Source: SageMaker developer guide, "Blue/Green Deployments".
    """
    made = plan(_config("CANARY", CanarySize={"Type": "CAPACITY_PERCENT", "Value": 30}))

    assert list(made.shares(4)) == [0.3, 1.0]


def test_linear_shifts_in_equal_steps() -> None:
    """Each step adds the same share; the last completes.

    Source: SageMaker developer guide, "Blue/Green Deployments".
    """
    made = plan(_config("LINEAR", LinearStepSize={"Type": "CAPACITY_PERCENT", "Value": 33}))

    assert list(made.shares(4)) == pytest.approx([0.33, 0.66, 0.99, 1.0])


def test_instance_count_is_a_share_of_the_fleet() -> None:
    """One canary instance of four takes a quarter.

    Source: SageMaker developer guide, "Blue/Green Deployments".
    """
    made = plan(_config("CANARY", CanarySize={"Type": "INSTANCE_COUNT", "Value": 1}))

    assert list(made.shares(4)) == [0.25, 1.0]


def test_no_deployment_config_shifts_all_at_once() -> None:
    """The default has no waits and no alarms.

    Source: SageMaker developer guide, "Blue/Green Deployments".
    """
    made = plan(None)

    assert list(made.shares(4)) == [1.0]
    assert made.alarm_names == ()


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"Type": "CANARY", "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 60}}, "1 to 50 %"),
        ({"Type": "LINEAR", "LinearStepSize": {"Type": "CAPACITY_PERCENT", "Value": 5}}, "10 to 50 %"),
        ({"Type": "CANARY"}, "needs CanarySize"),
    ],
)
def test_sizes_that_sagemaker_refuses_are_refused(config: dict[str, Any], message: str) -> None:
    """A canary takes at most half of the traffic, a linear step at least a tenth.

    Source: SageMaker API reference, TrafficRoutingConfig.
    """
    kind = config.pop("Type")

    with pytest.raises(ServiceError, match=message):
        plan(_config(kind, **config))


@pytest.mark.parametrize(
    ("unit", "value", "count", "is_taken"),
    [
        ("CAPACITY_PERCENT", 25, 1, False),
        ("CAPACITY_PERCENT", 25, 2, True),
        ("CAPACITY_PERCENT", 50, 4, True),
        ("INSTANCE_COUNT", 1, 1, False),
        ("INSTANCE_COUNT", 1, 2, True),
        ("INSTANCE_COUNT", 2, 3, False),
    ],
)
def test_a_canary_is_at_most_half_of_the_instances(unit: str, value: int, count: int, is_taken: bool) -> None:
    """One instance has no canary: it would be all of it.

    Source: SageMaker API reference, TrafficRoutingConfig, CanarySize.
    """
    made = plan(_config("CANARY", CanarySize={"Type": unit, "Value": value}))

    with nullcontext() if is_taken else pytest.raises(ServiceError, match="equal to 50% of the variant's total"):
        check_canary(made, "AllTraffic", count)


def test_a_canary_of_a_single_instance_is_refused(hosting: Hosting) -> None:
    """UpdateEndpoint refuses it at once, and the endpoint stays as it is.

    Source: SageMaker API reference, TrafficRoutingConfig, CanarySize.
    """
    name = hosting.endpoint("blue")
    config = _config("CANARY", CanarySize={"Type": "CAPACITY_PERCENT", "Value": 25})

    with pytest.raises(ClientError, match="less than or equal to 50% of the variant's total instance count"):
        hosting.sagemaker.update_endpoint(
            EndpointName=name, EndpointConfigName=hosting.config("green"), DeploymentConfig=config
        )

    assert hosting.sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "InService"
    hosting.delete(name)


def test_waits_longer_than_the_timeout_are_refused() -> None:
    """The maximum execution time must be above what the update waits by itself.

    Source: SageMaker API reference, BlueGreenUpdatePolicy.
    """
    config = _config("CANARY", CanarySize={"Type": "CAPACITY_PERCENT", "Value": 10})
    config["BlueGreenUpdatePolicy"]["MaximumExecutionTimeoutInSeconds"] = 600
    config["BlueGreenUpdatePolicy"]["TerminationWaitInSeconds"] = 590

    with pytest.raises(ServiceError, match="MaximumExecutionTimeoutInSeconds: 600"):
        plan(config)


@pytest.mark.slow
def test_canary_without_alarm_promotes_after_its_waits(hosting: Hosting) -> None:
    """During the canary both fleets answer; in the end only green; no request fails.

    Source: SageMaker developer guide, "Blue/Green Deployments".
    """
    name = hosting.endpoint("blue", count=2)
    green = hosting.config("green", count=2)
    config = _config("CANARY", CanarySize={"Type": "CAPACITY_PERCENT", "Value": 50})

    with Load(hosting, name) as load:
        hosting.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=green, DeploymentConfig=config)
        pending = hosting.sagemaker.describe_endpoint(EndpointName=name)
        description = hosting.settled(name)
        num_answers = len(load.answers)

    assert pending["EndpointStatus"] == "Updating"
    assert description["EndpointConfigName"] == green
    assert description["LastDeploymentConfig"] == config
    assert "PendingDeploymentSummary" not in description
    assert (description["LastModifiedTime"] - pending["LastModifiedTime"]).total_seconds() >= 90
    models = [b"green" if b'"green"' in answer else b"blue" for answer in load.answers]
    assert set(models[:num_answers]) == {b"blue", b"green"}
    assert load.errors == []
    hosting.delete(name)


@pytest.mark.slow
def test_retained_deployment_config_is_used_again(hosting: Hosting) -> None:
    """With RetainDeploymentConfig an update takes the steps of the last one, whatever it gives itself.

    Source: SageMaker API reference, UpdateEndpoint, RetainDeploymentConfig.
    """
    name = hosting.endpoint("blue")
    config = _config("LINEAR", LinearStepSize={"Type": "CAPACITY_PERCENT", "Value": 50})
    updates: list[dict[str, Any]] = [
        {"DeploymentConfig": config},
        {"DeploymentConfig": _config("ALL_AT_ONCE"), "RetainDeploymentConfig": True},
    ]

    for update in updates:
        hosting.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=hosting.config("green"), **update)
        begun = hosting.sagemaker.describe_endpoint(EndpointName=name)["LastModifiedTime"]
        description = hosting.settled(name)

    assert description["LastDeploymentConfig"] == config
    assert (description["LastModifiedTime"] - begun).total_seconds() >= 90  # a step's wait, the old fleet's
    hosting.delete(name)


@pytest.mark.slow
def test_alarm_during_baking_rolls_back(hosting: Hosting, cloudwatch: Any) -> None:
    """The endpoint passes RollingBack and is InService on its old configuration, with the alarm named.

    Source: SageMaker developer guide, "Auto-Rollback Configuration and Monitoring".
    """
    name = hosting.endpoint("blue", count=2)
    before = hosting.sagemaker.describe_endpoint(EndpointName=name)["EndpointConfigName"]
    alarm = f"errors-{name}"
    cloudwatch.put_metric_alarm(
        AlarmName=alarm,
        Namespace="AWS/SageMaker",
        MetricName="Invocation5XXErrors",
        Dimensions=[{"Name": "EndpointName", "Value": name}],
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="ignore",
    )
    config = _config("CANARY", CanarySize={"Type": "CAPACITY_PERCENT", "Value": 50})
    config["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]["WaitIntervalInSeconds"] = 600
    config["AutoRollbackConfiguration"] = {"Alarms": [{"AlarmName": alarm}]}

    with Load(hosting, name) as load:
        hosting.sagemaker.update_endpoint(
            EndpointName=name, EndpointConfigName=hosting.config("green", count=2), DeploymentConfig=config
        )
        cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="the test says so")
        description = hosting.settled(name)

    assert description["EndpointStatus"] == "InService"
    assert description["EndpointConfigName"] == before
    assert alarm in description["FailureReason"]
    assert load.errors == []
    assert b'"blue"' in hosting.invoke(name)["Body"].read()
    hosting.delete(name)


def test_unknown_rollback_alarm_is_refused(hosting: Hosting) -> None:
    """An alarm that does not exist protects nothing.

    Source: SageMaker developer guide, "Auto-Rollback Configuration and Monitoring".
    """
    name = hosting.endpoint("blue")
    config = _config("ALL_AT_ONCE") | {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "no-such-alarm"}]}}

    with pytest.raises(Exception, match="no-such-alarm"):
        hosting.sagemaker.update_endpoint(
            EndpointName=name, EndpointConfigName=hosting.config("green"), DeploymentConfig=config
        )

    hosting.delete(name)


def _config(kind: str, **members: Any) -> dict[str, Any]:
    return {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {"Type": kind, "WaitIntervalInSeconds": 60, **members},
            "TerminationWaitInSeconds": 30,
            "MaximumExecutionTimeoutInSeconds": 3600,
        }
    }
