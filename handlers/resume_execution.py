"""Let an execution go on when what it waits for has ended.

Invoked by SageMaker's state-change events, and every few minutes with `{"Sweep": true}` for what no event reported.
"""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from handlers import aws
from handlers.aws.logs import logger
from handlers.contract.errors import RetrieverError
from handlers.contract.settings import Settings
from handlers.endpoints import serving
from handlers.executions import model_cards
from handlers.executions.state_changes import model_package_arn, resource_arn
from handlers.executions.turns import GOING, execution_status
from handlers.executions.waiting import Resolution, forget, resolve
from handlers.ledger import Ledger, Token
from handlers.training_jobs.jobs import stop_job

aws.prepare("dynamodb", "s3", "sagemaker", "stepfunctions")


def sweep(ledger: Ledger, settings: Settings) -> dict[str, int]:
    """Answer every token whose job has ended; drop those of ended executions, stop their jobs, undo a deployment."""
    counts = {"Waiting": 0, "Resolved": 0, "Dropped": 0, "Problems": 0}
    for token in Token.all(ledger):
        try:
            counts[_sweep_one(token, ledger, settings)] += 1
        except RetrieverError:  # one token in trouble must not keep the others waiting
            logger.exception("sweep failed for one token", resource_name=token.resource_name)
            counts["Problems"] += 1
    try:
        counts["Repaired"] = int(bool(serving.repair(ledger, settings)))
    except RetrieverError:
        logger.exception("sweep could not look after the endpoint")
        counts["Problems"] += 1
    logger.info("sweep ended", counts=counts)
    return counts


def _sweep_one(token: Token, ledger: Ledger, settings: Settings) -> str:
    if execution_status(settings, token.execution_name) in GOING:
        resolution = resolve(ledger, token.resource_arn)
        return "Resolved" if resolution in (Resolution.SUCCEEDED, Resolution.FAILED) else "Waiting"
    stopped = stop_job(token.kind, token.resource_name)
    forget(ledger, token)
    logger.warning("execution is over, its token is dropped", resource_name=token.resource_name, job_stopped=stopped)
    return "Dropped"


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    settings = Settings.from_env()
    ledger = Ledger(settings, context.aws_request_id)
    if event.get("Sweep"):
        return sweep(ledger, settings)
    arn = resource_arn(event)
    resolution = resolve(ledger, arn)
    if package := model_package_arn(event):
        model_cards.follow(package)
    logger.info("event handled", resource_arn=arn, result=resolution)
    return {"ResourceArn": arn, "Result": str(resolution)}
