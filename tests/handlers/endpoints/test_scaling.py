"""handlers/endpoints/scaling.py: autoscaling is registered, taken away for another instance type, and given back."""

from typing import TYPE_CHECKING, Any

import pytest

from handlers import aws
from handlers.contract.errors import AwsRequestError
from handlers.endpoints import scaling
from handlers.ledger import Scaling
from handlers.register_scaling import handler as register_scaling

if TYPE_CHECKING:
    from mypy_boto3_application_autoscaling.type_defs import ScalableTargetActionTypeDef


def described(policies=True):
    client = aws.autoscaling()
    if policies:
        return client.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
    return client.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]


@pytest.fixture
def scaled(world):
    """Put an endpoint of another instance type under autoscaling, with a policy that was added by hand."""
    world.sagemaker.serve(instance_type="ml.c5.large")
    scaling.register(world.settings)
    own = scaling.policy_request(world.settings)
    tracking = {**own["TargetTrackingScalingPolicyConfiguration"], "TargetValue": 12.5, "DisableScaleIn": True}
    aws.autoscaling().put_scaling_policy(
        **{**own, "PolicyName": "by-hand", "TargetTrackingScalingPolicyConfiguration": tracking}
    )
    return world


def shape(policies):
    fields = ("PolicyName", "PolicyType", "TargetTrackingScalingPolicyConfiguration")
    return sorted(([policy[field] for field in fields] for policy in policies), key=str)


def test_scaling_is_registered(world, event, lambda_context):
    """Target and policy as the settings say."""
    world.sagemaker.serve()

    result = register_scaling(event("register_scaling"), lambda_context)

    assert result == {
        "ResourceId": "endpoint/retriever/variant/AllTraffic",
        "PolicyName": "retriever-invocations",
        "MinCapacity": 1,
        "MaxCapacity": 4,
        "TargetValue": 600.0,
        "Words": "600 invocations a minute and instance, 1 to 4 instances",
        "Origin": "",
    }
    assert (described(policies=False)[0]["MinCapacity"], described(policies=False)[0]["MaxCapacity"]) == (1, 4)
    tracking = described()[0]["TargetTrackingScalingPolicyConfiguration"]
    assert tracking["PredefinedMetricSpecification"]["PredefinedMetricType"] == "SageMakerVariantInvocationsPerInstance"


def test_scaling_is_registered_again_without_harm(world, event, lambda_context):
    """A retried state, or a retrain."""
    for _ in range(2):
        register_scaling(event("register_scaling"), lambda_context)

    assert len(described()) == len(described(policies=False)) == 1


def test_a_measured_target_says_so(world, event, lambda_context, monkeypatch):
    """When, on what and with what; and what is otherwise now."""
    text = (
        "at=2026-11-30T09:12Z run=r-1 network=resnet50 side=224 type=ml.g5.xlarge p95_ms=200.0 per_minute=1200 low=1100"
    )
    monkeypatch.setenv("SCALING_MEASUREMENT", f"{text} high=1300 start_seconds=95 work_ms=31 workers=2 factor=0.5")

    words = register_scaling(event("register_scaling"), lambda_context)["Origin"]

    assert words.startswith("the scaling target of 600 was measured 2026-11-30T09:12Z on ml.g5.xlarge with resnet50")
    assert "; warning: the instance type is ml.m5.large, was ml.g5.xlarge" in words


def test_change_of_instance_type_takes_scaling_away_first(scaled, deploy):
    """SageMaker refuses the update otherwise."""
    seen = []
    scaled.sagemaker.before["UpdateEndpoint"] = lambda: seen.append(described(policies=False))

    deploy()

    assert seen == [[]]


def test_same_instance_type_keeps_scaling(world, deploy):
    """A new model alone does not change how the endpoint scales."""
    world.sagemaker.serve()
    scaling.register(world.settings)

    deploy()

    assert len(described(policies=False)) == 1


def test_config_deleted_under_its_endpoint_counts_as_a_change(scaled, deploy):
    """Its instance type is unknown, so the safe way is taken."""
    del scaled.sagemaker.endpoint_configs["old-config"]

    deploy()

    assert described(policies=False) == []


def test_scaling_comes_back_exactly(scaled, deploy):
    """The target and both policies, also after a failed update."""
    before, targets = shape(described()), described(policies=False)
    deploy()

    assert scaling.give_back(scaled.ledger, scaled.settings)

    assert shape(described()) == before
    assert [(t["MinCapacity"], t["MaxCapacity"]) for t in described(policies=False)] == [
        (t["MinCapacity"], t["MaxCapacity"]) for t in targets
    ]
    assert not scaling.give_back(scaled.ledger, scaled.settings)


def test_scheduled_actions_come_back(scaled, deploy):
    """They go with their target: recurring ones with their zone and bounds, single ones with their times."""
    client, own = aws.autoscaling(), scaling._target_of("retriever")
    bounds: ScalableTargetActionTypeDef = {"MinCapacity": 2, "MaxCapacity": 3}
    weekly: dict[str, Any] = {
        "Schedule": "cron(0 8 ? * MON *)",
        "Timezone": "Europe/Berlin",
        "ScalableTargetAction": bounds,
    }
    once: dict[str, Any] = {"Schedule": "at(2030-01-01T00:00:00)", "EndTime": "2030-02-01T00:00:00+00:00"}
    client.put_scheduled_action(**own, ScheduledActionName="weekly", **weekly)
    client.put_scheduled_action(**own, ScheduledActionName="once", ScalableTargetAction=bounds, **once)
    deploy()
    for name in ("weekly", "once"):  # as AWS does with the target
        client.delete_scheduled_action(**own, ScheduledActionName=name)

    assert scaling.give_back(scaled.ledger, scaled.settings)

    actions = client.describe_scheduled_actions(ServiceNamespace="sagemaker")["ScheduledActions"]
    restored: dict[str, Any] = {action["ScheduledActionName"]: action for action in actions}
    assert {name: restored["weekly"][name] for name in weekly} == weekly
    assert (restored["once"]["Schedule"], restored["once"]["EndTime"].year) == (once["Schedule"], 2030)


def test_scheduled_action_whose_time_has_passed_is_said(scaled, deploy, monkeypatch, caplog):
    """What AWS refuses to take back keeps nothing else from coming back."""
    client, own = aws.autoscaling(), scaling._target_of("retriever")
    bounds: ScalableTargetActionTypeDef = {"MinCapacity": 2, "MaxCapacity": 3}
    client.put_scheduled_action(
        **own, ScheduledActionName="past", Schedule="at(2030-01-01T00:00:00)", ScalableTargetAction=bounds
    )
    deploy()

    def refuse(**_):
        raise AwsRequestError("PutScheduledAction: ValidationException: it is over; correct it", "ValidationException")

    monkeypatch.setattr(client, "put_scheduled_action", refuse)

    assert scaling.give_back(scaled.ledger, scaled.settings)
    assert "a scheduled action is not restored" in caplog.messages
    assert Scaling.get(scaled.ledger, "retriever") is None


def test_registration_after_update_keeps_policies_added_by_hand(scaled, deploy, event, lambda_context):
    """Ours follows the settings, theirs comes back as it was."""
    deploy()

    register_scaling(event("register_scaling"), lambda_context)

    assert sorted(policy["PolicyName"] for policy in described()) == ["by-hand", "retriever-invocations"]
    assert Scaling.get(scaled.ledger, "retriever") is None
