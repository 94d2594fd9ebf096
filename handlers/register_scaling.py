"""RegisterScaling: put the endpoint's variant under target tracking; serverless containers need none."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from handlers import aws
from handlers.aws.logs import logger
from handlers.contract.settings import Settings
from handlers.contract.states import RegisterScalingInput
from handlers.endpoints import kinds, scaling
from handlers.executions.rollbacks import put_into_production
from handlers.ledger import Ledger

aws.prepare("application-autoscaling", "dynamodb")


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    step = RegisterScalingInput.from_event(event)
    settings = Settings.from_env()
    ledger = Ledger(settings)
    restored, registered = False, scaling.unneeded(settings)
    if not kinds.wants_serverless(settings):
        restored = scaling.give_back(ledger, settings)  # policies added by hand; ours is put as the settings say
        registered = scaling.register(settings)
    # Checked and scaled, this execution's model is in production, whatever becomes of the report.
    put_into_production(step.execution_name, ledger, settings)
    logger.info("scaling registered", scaling=registered.to_event(), restored=restored)
    return registered.to_event()
