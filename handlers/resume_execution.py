"""Let an execution go on when what it waits for has ended.

Invoked by SageMaker's state-change events, and every few minutes with `{"Sweep": true}` for what no event reported.
"""

from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from handlers import aws
from handlers.aws.logs import logger
from handlers.contract.errors import RetrieverError
from handlers.contract.settings import Settings
from handlers.endpoints import deployments
from handlers.executions.turns import GOING, execution_status
from handlers.executions.waiting import PREFIX, forget, resolve, token_key
from handlers.ledger.table import Table
from handlers.training_jobs.jobs import stop_job

aws.prepare("dynamodb", "sagemaker", "stepfunctions")

_ARN_FIELDS = {
    "SageMaker Training Job State Change": "TrainingJobArn",
    "SageMaker HyperParameter Tuning Job State Change": "HyperParameterTuningJobArn",
    "SageMaker Endpoint State Change": "EndpointArn",
}


def resource_arn(event: Mapping[str, Any]) -> str:
    """Return the ARN of the job or endpoint that a state-change event is about.

    Raises:
        ValueError: it is no such event.
    """
    kind = event.get("detail-type")
    field = _ARN_FIELDS.get(str(kind))
    arn = event.get("detail", {}).get(field) if field else None
    if not arn:
        raise ValueError(f"event {kind!r}; expected one of {', '.join(_ARN_FIELDS)} with its ARN, or {{'Sweep': true}}")
    return str(arn)


def sweep(settings: Settings) -> dict[str, int]:
    """Answer every token whose job has ended; drop those of ended executions, stop their jobs, undo a deployment."""
    counts = {"Waiting": 0, "Resolved": 0, "Dropped": 0, "Problems": 0}
    for item in Table(settings.table_name).items(PREFIX):
        try:
            counts[_sweep_one(settings, item)] += 1
        except RetrieverError:  # one token in trouble must not keep the others waiting
            logger.exception("sweep failed for one token", resource_name=item.get("ResourceName"))
            counts["Problems"] += 1
    try:
        counts["Repaired"] = int(bool(deployments.repair(settings)))
    except RetrieverError:
        logger.exception("sweep could not look after the endpoint")
        counts["Problems"] += 1
    logger.info("sweep ended", counts=counts)
    return counts


def _sweep_one(settings: Settings, item: Mapping[str, Any]) -> str:
    if execution_status(settings, item["ExecutionName"]) in GOING:
        said = resolve(settings, item["Id"])
        return "Resolved" if said.startswith("the state was told") else "Waiting"
    stopped = stop_job(item["Kind"], item["ResourceName"])
    forget(Table(settings.table_name), item)
    logger.warning("execution is over, its token is dropped", resource_name=item["ResourceName"], job_stopped=stopped)
    return "Dropped"


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    settings = Settings.from_env()
    if event.get("Sweep"):
        return sweep(settings)
    arn = resource_arn(event)
    said = resolve(settings, token_key(arn))
    logger.info("event handled", resource_arn=arn, result=said)
    return {"ResourceArn": arn, "Result": said}
