"""Start an execution when a dataset is complete, on schedule, on request, or when another one has ended.

Invoked with S3's "Object Created" event, Step Functions' "Execution Status Change" event, messages of the queue of
arrivals, `{"Reason": "schedule"}`, `{"Reason": "manual", "Dataset": NAME, "Force": false}`, `{"Reason": "rollback",
"Run": NAME}`, `{"Reason": "retry", "Run": NAME, "From": STATE}`, or `{"Sweep": true}`, which starts what still waits or
was never announced.
"""

from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from handlers import aws
from handlers.aws.logs import logger
from handlers.contract.inputs import part
from handlers.contract.settings import Settings
from handlers.executions import endings, turns
from handlers.executions.launches import Answer, refused
from handlers.executions.messages import on_messages
from handlers.executions.requests import on_request
from handlers.executions.retries import on_retry
from handlers.executions.rollbacks import on_rollback
from handlers.executions.sweeping import sweep
from handlers.executions.uploads import on_upload
from handlers.ledger import Ledger
from handlers.ledger.rows import now

aws.prepare("dynamodb", "s3", "sagemaker", "sns", "sqs", "stepfunctions")


def on_execution_end(event: Mapping[str, Any], ledger: Ledger, settings: Settings) -> Answer:
    """Give the turn of an ended execution to the next dataset, and close the record that a stopped one left open."""
    name, status, machine = (part(event, "detail", field) for field in ("name", "status", "stateMachineArn"))
    if machine != settings.state_machine_arn or status in turns.GOING:
        return refused(f"execution {name!r} is {status}; nothing ended here")
    return endings.end(name, status, ledger, settings)


def decide(event: Mapping[str, Any], ledger: Ledger, settings: Settings) -> Answer:
    """Do what an event asks for.

    Raises:
        ValueError: it is none of the events that this function takes.
    """
    kind = event.get("detail-type")
    if kind == "Object Created":
        return on_upload(event, ledger, settings)
    if kind == "Step Functions Execution Status Change":
        return on_execution_end(event, ledger, settings)
    if event.get("Sweep"):
        return sweep(ledger, settings, event.get("At") or now())
    if event.get("Reason") in ("schedule", "manual"):
        return on_request(event, ledger, settings)
    if event.get("Reason") == "rollback":
        return on_rollback(event, ledger, settings)
    if event.get("Reason") == "retry":
        return on_retry(event, ledger, settings)
    raise ValueError(
        f"event {kind or event!r}; expected an S3 or Step Functions event, or a Reason of schedule, manual, retry or "
        "rollback"
    )


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    settings = Settings.from_env()
    ledger = Ledger(settings, context.aws_request_id)
    if isinstance(event.get("Records"), list):
        return on_messages(event["Records"], ledger, settings)
    return decide(event, ledger, settings).to_event(settings)
