"""Events that came to nothing: what lies in the stack's dead-letter queues, and why."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from ops.errors import error_code
from ops.session import Session
from ops.stack.stacks import Stack

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageTypeDef

_QUEUES = ("FunctionDeadLetterQueue", "EventDeadLetterQueue")
# A queue that this stack does not have, that somebody has deleted, or that the person may not read says nothing here.
_SILENT = {"ValidationError", "AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", "AccessDenied"}
_SILENT |= {"AccessDeniedException"}


def facts(session: Session, stack: Stack) -> list[tuple[str, str]]:
    """Return a row for each queue that holds something, with the reason of one of its events; nothing is taken out."""
    return [("failed events", row) for queue in _QUEUES if (row := _row(session, stack, queue))]


def reason(message: MessageTypeDef) -> str:
    """Return why an event lies in a queue, as Lambda's destinations and EventBridge say it.

    Source: Lambda developer guide, "Capturing records of asynchronous invocations"; EventBridge user guide, "Using
    dead-letter queues to process undelivered events".
    """
    attributes = {name: value.get("StringValue", "") for name, value in message.get("MessageAttributes", {}).items()}
    if "ERROR_MESSAGE" in attributes:
        return f"{attributes.get('ERROR_CODE', 'not delivered')}: {attributes['ERROR_MESSAGE']}"
    try:
        answer = json.loads(message.get("Body", "")).get("responsePayload") or {}
        return f"{answer['errorType']}: {answer['errorMessage']}"
    except (ValueError, AttributeError, KeyError, TypeError):
        return "it does not say why"


def _row(session: Session, stack: Stack, logical_id: str) -> str:
    try:
        url = session.cloudformation.describe_stack_resource(StackName=stack.stack_id, LogicalResourceId=logical_id)[
            "StackResourceDetail"
        ]["PhysicalResourceId"]
        sqs = session.client("sqs")
        name = "ApproximateNumberOfMessages"
        count = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name]
        if count == "0":
            return ""
        answer = sqs.receive_message(QueueUrl=url, VisibilityTimeout=0, MessageAttributeNames=["All"])
    except ClientError as error:
        if error_code(error) in _SILENT:
            return ""
        raise
    messages = answer.get("Messages", [])
    return f"{count}, one of them: {reason(messages[0])}" if messages else count
