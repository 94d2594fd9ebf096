"""WaitForApproval: ask a person about the model, with the evidence; the execution waits for the package's status."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from handlers import aws
from handlers.aws.logs import logger
from handlers.contract.settings import Settings
from handlers.contract.states import WaitForApprovalInput
from handlers.endpoints import golden
from handlers.executions.approvals import ask, token_of
from handlers.executions.waiting import Resolution, resolve
from handlers.ledger import Ledger

aws.prepare("dynamodb", "s3", "sagemaker", "sns", "stepfunctions")


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    step = WaitForApprovalInput.from_event(event)
    settings = Settings.from_env()
    ledger, arn = Ledger(settings, context.aws_request_id), step.model.model_package_arn
    token_of(step).store(ledger)
    golden.keep(step.dataset.s3_uri, step.evaluation.evaluation_s3_uri)
    resolution = resolve(ledger, arn)  # somebody may have approved it already
    if resolution is Resolution.GOES_ON:
        ask(step, ledger, settings)
    logger.info("approval asked for", model_package_arn=arn, result=resolution)
    return {"ModelPackageArn": arn, "Result": str(resolution)}
