"""DeployEndpoint: create the endpoint, or update it blue/green with a canary and rollback; the execution waits."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from aws_lambda_powertools.utilities.typing import LambdaContext

from handlers import aws
from handlers.aws.logs import logger
from handlers.contract.errors import AwsError, EndpointFailedError, SettingsError
from handlers.contract.settings import Settings
from handlers.contract.states import DeployEndpointInput
from handlers.endpoints import scaling
from handlers.endpoints.containers import container
from handlers.executions.outcomes import VARIANT_NAME
from handlers.executions.waiting import start, token_of
from handlers.ledger import Deployment, Ledger
from handlers.training_jobs.jobs import describe, tags

aws.prepare("dynamodb", "sagemaker")

_CHANGING = ("Creating", "Updating", "SystemUpdating", "RollingBack")
_SETUP_SECONDS = 1800  # to start the new fleet, beside the waits


def model_request(step: DeployEndpointInput, settings: Settings) -> dict[str, Any]:
    return {
        "ModelName": step.execution_name,
        "PrimaryContainer": container(settings, step.training.model_data_url),
        "ExecutionRoleArn": settings.sagemaker_role_arn,
        "Tags": tags(settings, step.execution_name, step.dataset),
    }


def endpoint_config_request(step: DeployEndpointInput, settings: Settings) -> dict[str, Any]:
    variant = {
        "VariantName": VARIANT_NAME,
        "ModelName": step.execution_name,
        "InstanceType": settings.endpoint_instance_type,
        "InitialInstanceCount": settings.endpoint_instance_count,
        "InitialVariantWeight": 1.0,
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


def update_request(step: DeployEndpointInput, settings: Settings) -> dict[str, Any]:
    """Return the UpdateEndpoint request: a canary first, the old fleet kept a while, and alarms that roll back.

    RetainDeploymentConfig would reuse the last deployment's config in place of the one given here, so it is false.
    Autoscaling's instance count is retained.
    """
    if not settings.rollback_alarm_names:
        raise SettingsError("environment variable ROLLBACK_ALARM_NAMES: ''; expected at least one alarm's name")
    waits = settings.canary_wait_seconds + settings.termination_wait_seconds
    return {
        "EndpointName": settings.endpoint_name,
        "EndpointConfigName": step.execution_name,
        "RetainAllVariantProperties": True,
        "RetainDeploymentConfig": False,
        "DeploymentConfig": {
            "BlueGreenUpdatePolicy": {
                "TrafficRoutingConfiguration": {
                    "Type": "CANARY",
                    "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": settings.canary_percent},
                    "WaitIntervalInSeconds": settings.canary_wait_seconds,
                },
                "TerminationWaitInSeconds": settings.termination_wait_seconds,
                "MaximumExecutionTimeoutInSeconds": min(28_800, max(600, waits + _SETUP_SECONDS)),
            },
            "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in settings.rollback_alarm_names]},
        },
    }


def next_move(
    endpoint: Mapping[str, Any] | None, config_name: str, *, was_tried: bool = False
) -> Literal["create", "update", "wait"]:
    """Return what the endpoint's state asks for; "wait" when an earlier try of this state has begun already.

    `was_tried` says that this state has come as far as its update before, so an update that is under way is its own,
    unless its description says otherwise.

    Raises:
        EndpointFailedError: it is in a status that allows no update.
    """
    if endpoint is None:
        return "create"
    name, status = endpoint["EndpointName"], endpoint["EndpointStatus"]
    pending = endpoint.get("PendingDeploymentSummary", {}).get("EndpointConfigName")
    if config_name in (endpoint["EndpointConfigName"], pending) and status in (*_CHANGING, "InService"):
        return "wait"
    if was_tried and status == "Updating" and pending is None:
        return "wait"
    if status == "InService":
        return "update"
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


def _create_once(create: Callable[[], object], lookup: Callable[[], object]) -> None:
    """Create a model or endpoint config; one of this execution's name that exists is an earlier try's."""
    try:
        create()
    except AwsError as error:
        if not aws.may_be_done(error):
            raise
        try:
            lookup()
        except AwsError:
            raise error from None


def _instance_type(config_name: str) -> str:
    """Return the instance type of a config, or "" if the config was deleted under its endpoint."""
    try:
        config = aws.sagemaker().describe_endpoint_config(EndpointConfigName=config_name)
    except AwsError as error:
        if aws.is_missing(error):
            return ""
        raise
    return str(config["ProductionVariants"][0].get("InstanceType", ""))


def prepare(step: DeployEndpointInput, ledger: Ledger, settings: Settings) -> None:
    """Create the model and the endpoint config, each noted before it exists."""
    client, name = aws.sagemaker(), step.execution_name
    Deployment.note(ledger, name)
    _create_once(
        lambda: client.create_model(**model_request(step, settings)), lambda: client.describe_model(ModelName=name)
    )
    _create_once(
        lambda: client.create_endpoint_config(**endpoint_config_request(step, settings)),
        lambda: client.describe_endpoint_config(EndpointConfigName=name),
    )


def deploy(step: DeployEndpointInput, ledger: Ledger, settings: Settings) -> str:
    """Create or update the endpoint and leave a token to wait for it; return the move that was made."""
    client, name = aws.sagemaker(), step.execution_name
    endpoint = describe("endpoint", settings.endpoint_name)
    made = Deployment.get(ledger, name)
    move = next_move(endpoint, name, was_tried=bool(made and made.previous_config_name))
    update = update_request(step, settings)
    prepare(step, ledger, settings)
    previous = endpoint["EndpointConfigName"] if endpoint and move == "update" else ""
    if move == "update":
        Deployment.remember_previous(ledger, name, previous)
        if _instance_type(previous) != settings.endpoint_instance_type:
            logger.info("instance type changes", taken_away=scaling.take_away(ledger, settings))
    elif move == "wait":
        previous = made.previous_config_name if made else ""
    moves: dict[str, Callable[[], object] | None] = {
        "create": lambda: client.create_endpoint(**create_request(step, settings)),
        "update": lambda: client.update_endpoint(**update),
        "wait": None,
    }
    configs = {"endpoint_config_name": name, "previous_endpoint_config_name": previous}
    start(ledger, token_of(settings, "endpoint", settings.endpoint_name, step, **configs), moves[move])
    return move


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    step = DeployEndpointInput.model_validate(event)
    settings = Settings.from_env()
    move = deploy(step, Ledger(settings), settings)
    logger.info("deployment started", move=move, endpoint_name=settings.endpoint_name)
    return {"EndpointName": settings.endpoint_name, "Move": move}
