"""A function's provisioned concurrency as a scalable target: environments really come and go."""

import time
from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError
from embedded_account.pytest_plugin import AccountClock, RunningAccount
from support.functions import make_function
from support.waiting import eventually

pytestmark = pytest.mark.account


@pytest.fixture(scope="module")
def target(account: RunningAccount) -> Iterator[dict[str, str]]:
    """Give the scalable target of an alias, of one to four environments."""
    deployed = make_function(account, "def handler(event, context):\n    return event\n")
    lambda_client = account.client("lambda")
    version = lambda_client.publish_version(FunctionName=deployed.name)["Version"]
    lambda_client.create_alias(FunctionName=deployed.name, Name="live", FunctionVersion=version)
    own = {
        "ServiceNamespace": "lambda",
        "ResourceId": f"function:{deployed.name}:live",
        "ScalableDimension": "lambda:function:ProvisionedConcurrency",
    }
    client = account.client("application-autoscaling")
    client.register_scalable_target(**own, MinCapacity=1, MaxCapacity=4)
    yield own
    client.deregister_scalable_target(**own)


def _capacity(account: RunningAccount, target: dict[str, str]) -> tuple[int, int]:
    """Return how many environments are asked for, and how many there are."""
    _, name, qualifier = target["ResourceId"].split(":")
    config = account.client("lambda").get_provisioned_concurrency_config(FunctionName=name, Qualifier=qualifier)
    return (
        config["RequestedProvisionedConcurrentExecutions"],
        config["AvailableProvisionedConcurrentExecutions"],
    )


def test_least_capacity_is_brought_about(account: RunningAccount, target: dict[str, str]) -> None:
    """A function without provisioned environments gets those of the minimum."""
    eventually(lambda: _is(account, target, 1), 60)


def test_tracked_utilization_adds_environments(
    account: RunningAccount, clock: AccountClock, target: dict[str, str]
) -> None:
    """Three minutes above the target scale out, and the activity says so.

    Source: AWS Lambda developer guide, "Managing provisioned concurrency with Application Auto Scaling".
    """
    client = account.client("application-autoscaling")
    tracking = {
        "TargetValue": 0.5,
        "PredefinedMetricSpecification": {"PredefinedMetricType": "LambdaProvisionedConcurrencyUtilization"},
    }

    alarms = client.put_scaling_policy(
        **target,
        PolicyName="utilization",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration=tracking,
    )["Alarms"]
    eventually(lambda: _used(account, clock, target) and _is(account, target, 2), 120)

    activity = client.describe_scaling_activities(ServiceNamespace="lambda")["ScalingActivities"][0]
    assert len(alarms) == 2
    assert activity["Description"] == "Setting desired concurrency to 2."
    client.delete_scaling_policy(**target, PolicyName="utilization")


def test_alarm_of_steps_sets_an_exact_capacity(account: RunningAccount, target: dict[str, str]) -> None:
    """The alarm is the caller's own, and the policy names it."""
    client, cloudwatch = account.client("application-autoscaling"), account.client("cloudwatch")
    steps = {
        "AdjustmentType": "ExactCapacity",
        "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 3}],
    }
    policy = {"PolicyName": "steps", "PolicyType": "StepScaling", "StepScalingPolicyConfiguration": steps}
    arn = client.put_scaling_policy(**target, **policy)["PolicyARN"]
    name = f"load-of-{target['ResourceId'].replace(':', '-')}"
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        Namespace="Test",
        MetricName="load",
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=10.0,
        ComparisonOperator="GreaterThanThreshold",
        AlarmActions=[arn],
    )

    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="test")

    eventually(lambda: _is(account, target, 3), 60)
    described = client.describe_scaling_policies(ServiceNamespace="lambda", PolicyNames=["steps"])["ScalingPolicies"]
    assert [alarm["AlarmName"] for alarm in described[0]["Alarms"]] == [name]
    cloudwatch.delete_alarms(AlarmNames=[name])
    client.delete_scaling_policy(**target, PolicyName="steps")


@pytest.mark.parametrize("resource_id", ["function:nobody:live", "function:nobody", "endpoint/e/variant/v"])
def test_target_of_no_function_is_refused(account: RunningAccount, resource_id: str) -> None:
    """As one of no endpoint is."""
    with pytest.raises(ClientError, match="ValidationException"):
        account.client("application-autoscaling").register_scalable_target(
            ServiceNamespace="lambda",
            ResourceId=resource_id,
            ScalableDimension="lambda:function:ProvisionedConcurrency",
            MinCapacity=1,
            MaxCapacity=2,
        )


def _is(account: RunningAccount, target: dict[str, str], capacity: int) -> bool:
    try:
        return _capacity(account, target) == (capacity, capacity)
    except ClientError:  # nothing is provisioned yet
        return False


def _used(account: RunningAccount, clock: AccountClock, target: dict[str, str]) -> bool:
    """Use the function once a minute of the account's clock."""
    _, name, qualifier = target["ResourceId"].split(":")
    account.client("lambda").invoke(FunctionName=name, Qualifier=qualifier, Payload=b"1")
    time.sleep(1.1)  # metrics are sent on once a second of real time
    clock.advance(60)
    return True
