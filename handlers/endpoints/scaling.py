"""Autoscaling of the endpoint's variant: register, take away before a change of instance type, and give back.

SageMaker refuses an update that changes the instance type of a variant under autoscaling. What is taken away is kept
in the table until it is given back, so that a failure in between loses nothing.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from handlers import aws
from handlers.aws.logs import logger
from handlers.contract.errors import AwsError, AwsRequestError
from handlers.contract.measurement import origin
from handlers.contract.names import VARIANT_NAME
from handlers.contract.settings import Settings
from handlers.contract.states import Scaling
from handlers.endpoints.kinds import is_serverless
from handlers.ledger import Ledger
from handlers.ledger import Scaling as Kept
from handlers.training_jobs.jobs import describe

_NAMESPACE: Any = "sagemaker"
_DIMENSION: Any = "sagemaker:variant:DesiredInstanceCount"
_TARGET_FIELDS = ("MinCapacity", "MaxCapacity", "SuspendedState")
_POLICY_FIELDS = (
    "PolicyName",
    "PolicyType",
    "TargetTrackingScalingPolicyConfiguration",
    "StepScalingPolicyConfiguration",
)
_ACTION_FIELDS = ("ScheduledActionName", "Schedule", "Timezone", "StartTime", "EndTime", "ScalableTargetAction")


def resource_id(endpoint_name: str) -> str:
    return f"endpoint/{endpoint_name}/variant/{VARIANT_NAME}"


def policy_name(endpoint_name: str) -> str:
    return f"{endpoint_name}-invocations"


def target_request(settings: Settings) -> dict[str, Any]:
    """Return the RegisterScalableTarget request."""
    return {
        **_target_of(settings.endpoint_name),
        "MinCapacity": settings.scaling_min_instances,
        "MaxCapacity": settings.scaling_max_instances,
    }


def policy_request(settings: Settings) -> dict[str, Any]:
    """Return the PutScalingPolicy request: track invocations per instance and minute."""
    return {
        **_target_of(settings.endpoint_name),
        "PolicyName": policy_name(settings.endpoint_name),
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": settings.scaling_target_invocations,
            "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
            "ScaleInCooldown": settings.scale_in_cooldown_seconds,
            "ScaleOutCooldown": settings.scale_out_cooldown_seconds,
        },
    }


def _target_of(endpoint_name: str) -> dict[str, Any]:
    return {
        "ServiceNamespace": _NAMESPACE,
        "ResourceId": resource_id(endpoint_name),
        "ScalableDimension": _DIMENSION,
    }


def register(settings: Settings) -> Scaling:
    """Put the variant under autoscaling as the settings say; what is there already is replaced."""
    client = aws.autoscaling()
    client.register_scalable_target(**target_request(settings))
    client.put_scaling_policy(**policy_request(settings))
    return Scaling(
        resource_id=resource_id(settings.endpoint_name),
        policy_name=policy_name(settings.endpoint_name),
        min_capacity=settings.scaling_min_instances,
        max_capacity=settings.scaling_max_instances,
        target_value=settings.scaling_target_invocations,
        words=f"{settings.scaling_target_invocations:g} invocations a minute and instance, "
        f"{settings.scaling_min_instances} to {settings.scaling_max_instances} instances",
        origin=_origin(settings),
    )


def _origin(settings: Settings) -> str:
    """Return when and on what the target was measured; "" where it was not."""
    return origin(
        settings.scaling_measurement,
        settings.endpoint_instance_type,
        settings.model_name,
        settings.image_size,
        settings.scaling_target_invocations,
    )


def unneeded(settings: Settings) -> Scaling:
    """Return what is said of serverless containers, which SageMaker starts and ends by itself."""
    most = settings.serverless_max_concurrency
    return Scaling(
        resource_id="",
        policy_name="",
        min_capacity=0,
        max_capacity=most,
        target_value=0,
        words=f"no autoscaling: serverless containers come with the requests, at most {most} at one time",
    )


def take_away(ledger: Ledger, settings: Settings) -> bool:
    """Deregister the variant after keeping all that goes with its target; False if it is not under autoscaling."""
    client, own = aws.autoscaling(), _target_of(settings.endpoint_name)
    targets = client.describe_scalable_targets(
        ServiceNamespace=_NAMESPACE, ResourceIds=[own["ResourceId"]], ScalableDimension=_DIMENSION
    )["ScalableTargets"]
    if not targets:
        return False
    pages = client.get_paginator("describe_scaling_policies").paginate(**own)
    policies = [_only(policy, _POLICY_FIELDS) for page in pages for policy in page["ScalingPolicies"]]
    schedules = client.get_paginator("describe_scheduled_actions").paginate(**own)
    actions = [_action(action) for page in schedules for action in page["ScheduledActions"]]
    Kept(settings.endpoint_name, _only(targets[0], _TARGET_FIELDS), policies, actions).keep(ledger)
    try:
        client.deregister_scalable_target(**own)
    except AwsError as error:
        if not aws.is_missing(error):  # what is missing was taken away by an earlier try of this very call
            raise
    return True


def give_back(ledger: Ledger, settings: Settings) -> bool:
    """Restore exactly what `take_away` kept, if anything; False if nothing is kept."""
    kept = Kept.get(ledger, settings.endpoint_name)
    if kept is None:
        return False
    client, own = aws.autoscaling(), _target_of(settings.endpoint_name)
    client.register_scalable_target(**own, **kept.target)
    for policy in kept.policies:
        client.put_scaling_policy(**own, **policy)
    for action in kept.scheduled_actions:
        try:
            client.put_scheduled_action(**own, **action)
        except AwsRequestError as error:  # such as one whose time has passed meanwhile
            logger.warning("a scheduled action is not restored", action=action, reason=str(error))
    kept.forget(ledger)
    return True


def restore(ledger: Ledger, settings: Settings) -> bool:
    """Give autoscaling back where there are instances to scale; else it is kept for the next that are deployed."""
    if Kept.get(ledger, settings.endpoint_name) is None:
        return False
    endpoint = describe("endpoint", settings.endpoint_name)
    return endpoint is not None and not is_serverless(endpoint) and give_back(ledger, settings)


def _action(action: Mapping[str, Any]) -> dict[str, Any]:
    """Return a scheduled action in the words of its own request, times as text, which the table takes."""
    kept = _only(action, _ACTION_FIELDS)
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in kept.items()}


def _only(values: Mapping[str, Any], fields: tuple[str, ...]) -> dict[str, Any]:
    return {field: values[field] for field in fields if values.get(field) is not None}
