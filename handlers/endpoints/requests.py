"""What is asked of SageMaker to deploy a model: its requests, and which of them the endpoint's state calls for."""

from collections.abc import Mapping
from typing import Any, Literal

from handlers.contract.errors import EndpointFailedError, SettingsError
from handlers.contract.names import SERVES_NOTHING, VARIANT_NAME
from handlers.contract.settings import Settings
from handlers.contract.states import DeployEndpointInput
from handlers.endpoints import kinds
from handlers.endpoints.containers import container
from handlers.training_jobs.jobs import pending_config, tags

_CHANGING = ("Creating", "Updating", "SystemUpdating", "RollingBack")
_MIN_CANARY_INSTANCES = 2
_MAX_TERMINATION_SECONDS = 3600
_SETUP_SECONDS = 1800  # to start the new fleet, beside the waits


def model_request(step: DeployEndpointInput, settings: Settings) -> dict[str, Any]:
    described = container(settings, step.training.model_data_url, step.model.image_uri)
    return {
        "ModelName": step.execution_name,
        "PrimaryContainer": described | {"Environment": described["Environment"] | kinds.environment(settings)},
        "ExecutionRoleArn": settings.sagemaker_role_arn,
        "Tags": tags(settings, step.execution_name, step.dataset),
    }


def endpoint_config_request(step: DeployEndpointInput, settings: Settings) -> dict[str, Any]:
    variant = {
        "VariantName": VARIANT_NAME,
        "ModelName": step.execution_name,
        "InitialVariantWeight": 1.0,
        **kinds.capacity(settings),
    }
    return {
        "EndpointConfigName": step.execution_name,
        "ProductionVariants": [variant],
        "Tags": tags(settings, step.execution_name, step.dataset),
    }


def create_request(step: DeployEndpointInput, settings: Settings) -> dict[str, Any]:
    return {
        "EndpointName": settings.endpoint_name,
        "EndpointConfigName": step.execution_name,
        "Tags": tags(settings, step.execution_name, step.dataset),
    }


def num_instances(endpoint: Mapping[str, Any] | None, settings: Settings) -> int:
    """Return how many instances an update of the endpoint has: those that autoscaling wants, which it retains."""
    counts = [variant.get("DesiredInstanceCount") for variant in (endpoint or {}).get("ProductionVariants", [])]
    return min((count for count in counts if count), default=settings.endpoint_instance_count)


def update_request(
    step: DeployEndpointInput,
    settings: Settings,
    num_instances: int,
    was_serverless: bool = False,
) -> dict[str, Any]:
    """Return the UpdateEndpoint request: a canary first, the old fleet kept a while, and alarms that roll back.

    RetainDeploymentConfig would reuse the last deployment's config in place of the one given here, so it is false.
    Autoscaling's instance count is retained; serverless containers have none, before or after.
    """
    if not settings.rollback_alarm_names:
        raise SettingsError("environment variable ROLLBACK_ALARM_NAMES: ''; expected at least one alarm's name")
    waits = settings.canary_wait_seconds + settings.termination_wait_seconds
    return {
        "EndpointName": settings.endpoint_name,
        "EndpointConfigName": step.execution_name,
        "RetainAllVariantProperties": not (was_serverless or kinds.wants_serverless(settings)),
        "RetainDeploymentConfig": False,
        "DeploymentConfig": {
            "BlueGreenUpdatePolicy": {
                **_traffic(settings, num_instances),
                "MaximumExecutionTimeoutInSeconds": min(28_800, max(600, waits + _SETUP_SECONDS)),
            },
            "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in settings.rollback_alarm_names]},
        },
    }


def _traffic(settings: Settings, num_instances: int) -> dict[str, Any]:
    """Return how the traffic moves: a canary first, or at once where a single instance would be more than half.

    Serverless containers, which are as many as there are requests, have no half; they move at once too.

    At once, the alarms watch for as long while the old fleet stays.
    Source: SageMaker API reference, TrafficRoutingConfig: CanarySize is at most 50 % of the variant's instances.
    """
    wait, termination = settings.canary_wait_seconds, settings.termination_wait_seconds
    if num_instances < _MIN_CANARY_INSTANCES or kinds.wants_serverless(settings):
        routing = {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": wait}
        kept = min(_MAX_TERMINATION_SECONDS, wait + termination)
        return {"TrafficRoutingConfiguration": routing, "TerminationWaitInSeconds": kept}
    size = {"Type": "CAPACITY_PERCENT", "Value": settings.canary_percent}
    canary = {"Type": "CANARY", "CanarySize": size, "WaitIntervalInSeconds": wait}
    return {"TrafficRoutingConfiguration": canary, "TerminationWaitInSeconds": termination}


def next_move(
    endpoint: Mapping[str, Any] | None, config_name: str, *, was_tried: bool = False
) -> Literal["create", "replace", "update", "wait"]:
    """Return what the endpoint's state asks for; "wait" when an earlier try of this state has begun already.

    "replace" is for one that serves nothing: SageMaker lets it be deleted and nothing else.
    Source: SageMaker API reference, DescribeEndpoint, EndpointStatus.

    `was_tried` says that this state has come as far as its update before, so an update that is under way is its own,
    unless its description says otherwise.

    Raises:
        EndpointFailedError: it is in a status that allows no update.
    """
    if endpoint is None:
        return "create"
    name, status = endpoint["EndpointName"], endpoint["EndpointStatus"]
    pending = pending_config(endpoint)
    if config_name in (endpoint["EndpointConfigName"], pending) and status in (*_CHANGING, "InService"):
        return "wait"
    if was_tried and status == "Updating" and pending is None:
        return "wait"
    if status == "InService":
        return "update"
    if status in SERVES_NOTHING:
        return "replace"
    if status in _CHANGING:
        raise EndpointFailedError(
            f"endpoint {name!r} is {status} with {pending or endpoint['EndpointConfigName']!r}; wait until it is "
            f"InService and start the execution again"
        )
    reason = " ".join(endpoint.get("FailureReason", "").split())
    raise EndpointFailedError(
        f"endpoint {name!r} is {status}{f' ({reason})' if reason else ''}; delete it with "
        f"`aws sagemaker delete-endpoint --endpoint-name {name}` and start the execution again"
    )
