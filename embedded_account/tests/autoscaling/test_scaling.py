"""Autoscaling of a real endpoint: instances come with load, go when it is idle, and the rules around them."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from embedded_account.pytest_plugin import RunningAccount
from support.hosted import VARIANT, Hosting, Load
from support.waiting import eventually

DIMENSION = "sagemaker:variant:DesiredInstanceCount"


@pytest.fixture(scope="module")
def hosting(fast: RunningAccount) -> Hosting:
    """Make endpoints in it."""
    return Hosting(fast.client)


@pytest.fixture
def autoscaling(fast: RunningAccount) -> Any:
    """Give Application Auto Scaling of it."""
    return fast.client("application-autoscaling")


@pytest.fixture
def endpoint(hosting: Hosting) -> Iterator[str]:
    """Give an endpoint of one instance."""
    name = hosting.endpoint("scaled")
    yield name
    hosting.delete(name)


@pytest.mark.slow
def test_load_adds_instances_and_idleness_removes_them(
    fast: RunningAccount, hosting: Hosting, autoscaling: Any, endpoint: str
) -> None:
    """Three minutes above the target scale out, fifteen idle ones scale in; no request fails meanwhile.

    Source: Application Auto Scaling user guide, "Target tracking scaling policies for Application Auto Scaling".
    """
    autoscaling.register_scalable_target(**_own(endpoint), MinCapacity=1, MaxCapacity=2)
    autoscaling.put_scaling_policy(**_own(endpoint), **_policy(target=20))

    with Load(hosting, endpoint) as load:
        _wait_for_count(hosting, endpoint, 2)
    _wait_for_count(hosting, endpoint, 1)

    assert load.errors == []
    eventually(lambda: all("EndTime" in activity for activity in _activities(autoscaling, endpoint)))
    scale_in, scale_out = _activities(autoscaling, endpoint)
    assert scale_out["Description"] == "Setting desired instance count to 2."
    assert "-AlarmHigh-" in scale_out["Cause"]
    assert scale_out["Cause"].endswith("in state ALARM triggered policy invocations")
    assert "-AlarmLow-" in scale_in["Cause"]
    assert {scale_in["StatusCode"], scale_out["StatusCode"]} == {"Successful"}
    assert (scale_in["StartTime"] - scale_out["StartTime"]).total_seconds() >= 15 * 60


def test_minimum_above_the_present_count_is_brought_about(hosting: Hosting, autoscaling: Any, endpoint: str) -> None:
    """Registering with a minimum of 2 starts a second instance, and says why.

    Source: Application Auto Scaling API reference, RegisterScalableTarget.
    """
    autoscaling.register_scalable_target(**_own(endpoint), MinCapacity=2, MaxCapacity=3)

    _wait_for_count(hosting, endpoint, 2)

    assert _activities(autoscaling, endpoint)[0]["Cause"] == "minimum capacity was set to 2"


def test_policy_makes_its_alarms_and_takes_them_along(fast: RunningAccount, autoscaling: Any, endpoint: str) -> None:
    """The two alarms are CloudWatch's, named as AWS names them; deregistering deletes policy and alarms.

    Source: Application Auto Scaling user guide, "Target tracking scaling policies for Application Auto Scaling".
    """
    autoscaling.register_scalable_target(**_own(endpoint), MinCapacity=1, MaxCapacity=2)
    answer = autoscaling.put_scaling_policy(**_own(endpoint), **_policy(target=1000))
    cloudwatch = fast.client("cloudwatch")
    names = [alarm["AlarmName"] for alarm in answer["Alarms"]]

    with pytest.raises(ClientError, match="Only one TargetTrackingScaling policy for a given metric specification"):
        autoscaling.put_scaling_policy(**_own(endpoint), **_policy(target=500) | {"PolicyName": "another"})
    (policy,) = autoscaling.describe_scaling_policies(
        ServiceNamespace="sagemaker", ResourceId=_own(endpoint)["ResourceId"]
    )["ScalingPolicies"]
    alarms = cloudwatch.describe_alarms(AlarmNames=names)["MetricAlarms"]
    autoscaling.deregister_scalable_target(**_own(endpoint))

    assert policy["PolicyARN"] == answer["PolicyARN"]
    assert sorted(alarm["Threshold"] for alarm in alarms) == [900, 1000]
    assert all(name.startswith(f"TargetTracking-endpoint/{endpoint}/variant/{VARIANT}-Alarm") for name in names)
    assert cloudwatch.describe_alarms(AlarmNames=names)["MetricAlarms"] == []
    with pytest.raises(ClientError, match="No scalable target found") as caught:
        autoscaling.put_scaling_policy(**_own(endpoint), **_policy(target=1000))
    assert caught.value.response["Error"]["Code"] == "ObjectNotFoundException"


def test_targets_and_policies_are_paged(autoscaling: Any, endpoint: str) -> None:
    """boto3's paginators, which the flow uses to keep what it takes away, give everything once.

    Source: Application Auto Scaling API reference, DescribeScalingPolicies, MaxResults.
    """
    autoscaling.register_scalable_target(**_own(endpoint), MinCapacity=1, MaxCapacity=2)
    for number in range(3):
        metric = {"MetricName": f"m{number}", "Namespace": "own", "Statistic": "Average"}
        config = {"TargetValue": 1000, "CustomizedMetricSpecification": metric}
        tracking = {"TargetTrackingScalingPolicyConfiguration": config}
        policy = _policy(target=1000) | tracking | {"PolicyName": f"p{number}"}
        autoscaling.put_scaling_policy(**_own(endpoint), **policy)
    own = {"ServiceNamespace": "sagemaker", "PaginationConfig": {"PageSize": 2}}

    policies = list(
        autoscaling.get_paginator("describe_scaling_policies").paginate(ResourceId=_own(endpoint)["ResourceId"], **own)
    )
    targets = list(
        autoscaling.get_paginator("describe_scalable_targets").paginate(
            ResourceIds=[_own(endpoint)["ResourceId"]], **own
        )
    )
    autoscaling.deregister_scalable_target(**_own(endpoint))

    assert [[one["PolicyName"] for one in page["ScalingPolicies"]] for page in policies] == [["p0", "p1"], ["p2"]]
    assert [len(page["ScalableTargets"]) for page in targets] == [1]


def test_scalable_target_forbids_another_instance_type(hosting: Hosting, autoscaling: Any, endpoint: str) -> None:
    """An update to another type is refused until the variant is deregistered; one to another model is not.

    Source: SageMaker developer guide, "Update or delete endpoints that use automatic scaling".
    """
    autoscaling.register_scalable_target(**_own(endpoint), MinCapacity=1, MaxCapacity=2)
    bigger = hosting.config("bigger", InstanceType="ml.m5.xlarge")

    with pytest.raises(ClientError, match="must be deregistered as scalable targets with AWS Auto Scaling"):
        hosting.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=bigger)
    hosting.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=hosting.config("newer"))
    hosting.settled(endpoint)
    autoscaling.deregister_scalable_target(**_own(endpoint))
    hosting.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=bigger)

    assert hosting.settled(endpoint)["EndpointConfigName"] == bigger


def test_deleting_the_endpoint_deregisters_it(hosting: Hosting, autoscaling: Any) -> None:
    """No scalable target outlives its endpoint.

    Source: SageMaker developer guide, "Update or delete endpoints that use automatic scaling".
    """
    name = hosting.endpoint("gone")
    autoscaling.register_scalable_target(**_own(name), MinCapacity=1, MaxCapacity=2)

    hosting.delete(name)

    targets = autoscaling.describe_scalable_targets(
        ServiceNamespace="sagemaker", ResourceIds=[_own(name)["ResourceId"]]
    )
    assert targets["ScalableTargets"] == []


def test_target_of_no_endpoint_is_refused(autoscaling: Any) -> None:
    """Only a variant that exists can be registered.

    Source: Application Auto Scaling API reference, RegisterScalableTarget.
    """
    with pytest.raises(ClientError, match="endpoint/nope/variant") as caught:
        autoscaling.register_scalable_target(**_own("nope"), MinCapacity=1, MaxCapacity=2)

    assert caught.value.response["Error"]["Code"] == "ValidationException"


@pytest.mark.parametrize(
    ("namespace", "resource_id", "dimension"),
    [
        ("ecs", "service/c/s", "ecs:service:DesiredCount"),
        ("sagemaker", f"endpoint/e/variant/{VARIANT}", "sagemaker:variant:DesiredProvisionedConcurrency"),
    ],
)
def test_other_dimensions_are_refused_by_name(
    autoscaling: Any, namespace: str, resource_id: str, dimension: str
) -> None:
    """What is not scaled here is not pretended.

    Source: Application Auto Scaling API reference, RegisterScalableTarget.
    """
    with pytest.raises(ClientError, match=dimension) as caught:
        autoscaling.register_scalable_target(
            ServiceNamespace=namespace,
            ResourceId=resource_id,
            ScalableDimension=dimension,
            MinCapacity=1,
            MaxCapacity=2,
        )

    assert caught.value.response["Error"]["Code"] == "NotImplemented"


def test_predictive_scaling_is_refused_by_name(autoscaling: Any, endpoint: str) -> None:
    """Nothing here forecasts.

    Source: Application Auto Scaling API reference, PutScalingPolicy.
    """
    autoscaling.register_scalable_target(**_own(endpoint), MinCapacity=1, MaxCapacity=2)

    with pytest.raises(ClientError, match="PredictiveScaling"):
        autoscaling.put_scaling_policy(**_own(endpoint), PolicyName="forecast", PolicyType="PredictiveScaling")


def _own(name: str) -> dict[str, str]:
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{name}/variant/{VARIANT}",
        "ScalableDimension": DIMENSION,
    }


def _policy(*, target: float) -> dict[str, Any]:
    return {
        "PolicyName": "invocations",
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": target,
            "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
            "ScaleInCooldown": 60,
            "ScaleOutCooldown": 60,
        },
    }


def _activities(autoscaling: Any, name: str) -> list[dict[str, Any]]:
    answer = autoscaling.describe_scaling_activities(ServiceNamespace="sagemaker", ResourceId=_own(name)["ResourceId"])
    activities: list[dict[str, Any]] = answer["ScalingActivities"]
    return activities


def _wait_for_count(hosting: Hosting, name: str, count: int) -> None:
    def reached() -> bool:
        description = hosting.sagemaker.describe_endpoint(EndpointName=name)
        current = description["ProductionVariants"][0]["CurrentInstanceCount"]
        return bool(current == count and description["EndpointStatus"] == "InService")

    eventually(reached)
