"""The shadow: a model gets copies of the live requests before it gets any of them; nobody gets its answers.

SageMaker starts its instances beside those of the model that serves, and keeps what both answered, an id with each.
Source: SageMaker developer guide, "Testing models with shadow variants": one shadow variant beside one production
variant, the share of the requests being the ratio of the weights; "Capture data from real-time endpoint".
"""

import math
from collections.abc import Mapping
from typing import Any

from handlers import aws
from handlers.aws.logs import logger
from handlers.contract.names import SERVES_NOTHING, shadow_config_name
from handlers.contract.settings import Settings
from handlers.contract.states import DeployEndpointInput, NoShadow
from handlers.endpoints import kinds
from handlers.endpoints.preparation import prepare_config, prepare_model
from handlers.endpoints.requests import next_move, num_instances
from handlers.endpoints.serving import require_own
from handlers.executions.outcomes import Succeeded
from handlers.executions.waiting import answer, start, token_of
from handlers.ledger import Deployment, Ledger
from handlers.training_jobs.jobs import describe, tags

SHADOW_VARIANT_NAME = "Candidate"
LATENESS_SECONDS = 120  # of what SageMaker captures and measures; it says "a couple of minutes"
_MAX_SECONDS = 3600


def deploy_shadow(step: DeployEndpointInput, ledger: Ledger, settings: Settings) -> str:
    """Let the endpoint copy requests to the execution's model and leave a token to wait for it; return what was done.

    Where nothing is to be copied the state is told so at once.
    """
    config = shadow_config_name(step.execution_name)
    made = Deployment.get(ledger, config)
    previous = made.previous_config_name if made else ""
    endpoint = describe("endpoint", settings.endpoint_name)
    reason = "" if previous else no_shadow_reason(endpoint, settings)
    if endpoint is None or reason:
        answer(step.task_token, Succeeded(NoShadow(reason=reason or "the endpoint is gone").to_event()))
        return reason
    move = next_move(endpoint, config, was_tried=bool(previous))
    if move == "update":
        require_own(endpoint, settings)
        previous = endpoint["EndpointConfigName"]
        _prepare(step, endpoint, ledger, settings)
    token = token_of(
        settings, "shadow", settings.endpoint_name, step,
        endpoint_config_name=config, previous_endpoint_config_name=previous,
        captured_s3_uri=captured_s3_uri(step, settings), wait_seconds=settings.shadow_seconds + LATENESS_SECONDS,
    )  # fmt: skip
    update = update_request(config, settings)
    start(ledger, token, (lambda: aws.sagemaker().update_endpoint(**update)) if move == "update" else None)
    logger.info("shadow started", move=move, endpoint_config_name=config)
    return "copies are sent"


def _prepare(step: DeployEndpointInput, endpoint: Mapping[str, Any], ledger: Ledger, settings: Settings) -> None:
    """Create the model and the config with both; what serves is noted before the endpoint changes.

    The shadow has its share of the instances, so that a request finds them no busier than those that serve.
    """
    config, previous = shadow_config_name(step.execution_name), endpoint["EndpointConfigName"]
    share = math.ceil(num_instances(endpoint, settings) * settings.shadow_percent / 100)
    serving = aws.sagemaker().describe_endpoint_config(EndpointConfigName=previous)
    prepare_model(step, ledger, settings)
    Deployment.note_shadow(ledger, config, step.execution_name)
    prepare_config(config_request(step, serving["ProductionVariants"][0], share, settings))
    Deployment.remember_previous(ledger, config, previous)


def no_shadow_reason(endpoint: Mapping[str, Any] | None, settings: Settings) -> str:
    """Return why no requests are copied; "" if they are."""
    if not settings.shadow_percent or not settings.shadow_seconds:
        return f"ShadowPercent={settings.shadow_percent} and ShadowSeconds={settings.shadow_seconds}: none is asked for"
    if endpoint is None or endpoint["EndpointStatus"] in SERVES_NOTHING:
        return f"endpoint {settings.endpoint_name!r} serves nothing, so there are no requests to copy"
    if kinds.wants_serverless(settings) or kinds.is_serverless(endpoint):
        return "SageMaker copies no requests of a serverless endpoint, nor to serverless containers"
    return ""


def captured_s3_uri(step: DeployEndpointInput, settings: Settings) -> str:
    """Return where the answers of both are kept; not under runs/, since a lifecycle rule knows prefixes only."""
    return f"s3://{settings.bucket_name}/captured/{step.execution_name}"


def config_request(
    step: DeployEndpointInput, serving: Mapping[str, Any], count: int, settings: Settings
) -> dict[str, Any]:
    """Return CreateEndpointConfig for what serves, as it is, and the execution's model beside it."""
    shadow = {
        "VariantName": SHADOW_VARIANT_NAME,
        "ModelName": step.execution_name,
        "InstanceType": settings.endpoint_instance_type,
        "InitialInstanceCount": count,
        "InitialVariantWeight": settings.shadow_percent / 100,
    }
    return {
        "EndpointConfigName": shadow_config_name(step.execution_name),
        "ProductionVariants": [{**serving, "InitialVariantWeight": 1.0}],
        "ShadowProductionVariants": [shadow],
        "DataCaptureConfig": {
            "EnableCapture": True,
            "InitialSamplingPercentage": 100,
            "DestinationS3Uri": captured_s3_uri(step, settings),
            "CaptureOptions": [{"CaptureMode": "Output"}],  # not the pictures: an id tells what belongs together
            "CaptureContentTypeHeader": {"JsonContentTypes": ["application/json"]},
        },
        "Tags": tags(settings, step.execution_name, step.dataset),
    }


def update_request(config_name: str, settings: Settings) -> dict[str, Any]:
    """Return UpdateEndpoint: the same model takes over at once on new instances, and alarms roll back."""
    policy = {
        "TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0},
        "TerminationWaitInSeconds": 0,
        "MaximumExecutionTimeoutInSeconds": _MAX_SECONDS,
    }
    alarms = [{"AlarmName": name} for name in settings.rollback_alarm_names]
    return {
        "EndpointName": settings.endpoint_name,
        "EndpointConfigName": config_name,
        "RetainAllVariantProperties": True,
        "RetainDeploymentConfig": False,
        "DeploymentConfig": {"BlueGreenUpdatePolicy": policy, "AutoRollbackConfiguration": {"Alarms": alarms}},
    }
