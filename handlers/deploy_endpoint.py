"""DeployEndpoint: create the endpoint, or update it blue/green with a canary and rollback; the execution waits.

DeployShadow, before it, lets the model have copies of the live requests first: the same function, under the same role.
"""

from collections.abc import Callable
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from handlers import aws
from handlers.aws.logs import logger
from handlers.contract.settings import Settings
from handlers.contract.states import DeployEndpointInput
from handlers.endpoints import kinds, scaling, standby
from handlers.endpoints.preparation import instance_type, prepare
from handlers.endpoints.requests import create_request, next_move, num_instances, update_request
from handlers.endpoints.serving import make_room, require_own
from handlers.endpoints.shadow import deploy_shadow
from handlers.executions.waiting import start, token_of
from handlers.ledger import Deployment, Ledger
from handlers.training_jobs.jobs import describe

aws.prepare("dynamodb", "sagemaker", "stepfunctions")

DELETION_SECONDS = 240.0  # the function may run 300


def deploy(step: DeployEndpointInput, ledger: Ledger, settings: Settings) -> str:
    """Create or update the endpoint and leave a token to wait for it; return the move that was made."""
    client, name = aws.sagemaker(), step.execution_name
    was_away = standby.come_to_rest(ledger, settings, DELETION_SECONDS)
    endpoint = describe("endpoint", settings.endpoint_name)
    made = Deployment.get(ledger, name)
    move = next_move(endpoint, name, was_tried=bool(made and made.previous_config_name))
    update = update_request(step, settings, num_instances(endpoint, settings), kinds.is_serverless(endpoint))
    if endpoint and move != "wait":
        require_own(endpoint, settings)
    prepare(step, ledger, settings)
    previous = (made.previous_config_name if made else "") or was_away
    if was_away:
        Deployment.remember_previous(ledger, name, previous)
    if endpoint and move == "update":
        previous = Deployment.before_shadow(ledger, endpoint["EndpointConfigName"])
        Deployment.remember_previous(ledger, name, previous)
        if instance_type(previous) != kinds.wanted_type(settings):
            logger.info("instance type changes", taken_away=scaling.take_away(ledger, settings))
        if kinds.must_be_replaced(endpoint, settings):
            standby.give_way(endpoint, previous, ledger, settings)
            move = "replace"
    if endpoint and move == "replace":
        make_room(endpoint, settings, DELETION_SECONDS)
        move = "create"
    moves: dict[str, Callable[[], object] | None] = {
        "create": lambda: client.create_endpoint(**create_request(step, settings)),
        "update": lambda: client.update_endpoint(**update),
        "wait": None,
    }
    configs = {"endpoint_config_name": name, "previous_endpoint_config_name": previous}
    with standby.or_again(ledger, settings):
        start(ledger, token_of(settings, "endpoint", settings.endpoint_name, step, **configs), moves[move])
    return move


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    step = DeployEndpointInput.from_event(event)
    settings = Settings.from_env()
    if event.get("Shadow"):
        standby.come_to_rest(Ledger(settings), settings, DELETION_SECONDS)
        return {"EndpointName": settings.endpoint_name, "Shadow": deploy_shadow(step, Ledger(settings), settings)}
    move = deploy(step, Ledger(settings), settings)
    logger.info("deployment started", move=move, endpoint_name=settings.endpoint_name)
    return {"EndpointName": settings.endpoint_name, "Move": move}
