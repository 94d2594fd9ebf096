"""How a call that a service refuses fails its task: by the names of the AWS SDK, with the request in its cause.

An error that the service's model knows keeps its own name; any other, such as a denial, has that of the service.
Source: Step Functions developer guide, "Handling errors in Step Functions workflows", and the SDK's base exceptions.
"""

from typing import Any, NamedTuple

from botocore.exceptions import ClientError
from moto.stepfunctions.parser.api import HistoryEventType, TaskFailedEventDetails
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_dynamodb import (
    StateTaskServiceDynamoDB,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_events import (
    StateTaskServiceEvents,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_sfn import (
    StateTaskServiceSfn,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_sns import (
    StateTaskServiceSns,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_sqs import (
    StateTaskServiceSqs,
)

from embedded_account.wiring.replacement import replace

_PARAMETERS = ("self", "env", "ex")


class Names(NamedTuple):
    """What the errors of a service's tasks are called."""

    prefix: str
    otherwise: str
    service: str


SAGEMAKER = Names("SageMaker", "AmazonSageMakerException", "AmazonSageMaker")
_TASKS: dict[Any, Names] = {
    StateTaskServiceDynamoDB: Names("DynamoDB", "AmazonDynamoDBException", "AmazonDynamoDBv2"),
    StateTaskServiceEvents: Names("EventBridge", "AmazonEventBridgeException", "AmazonEventBridge"),
    StateTaskServiceSfn: Names("StepFunctions", "AWSStepFunctionsException", "AWSStepFunctions"),
    StateTaskServiceSns: Names("SNS", "AmazonSNSException", "AmazonSNS"),
    StateTaskServiceSqs: Names("SQS", "AmazonSQSException", "AmazonSQS"),
}


def install() -> None:
    """Name the errors of all tasks that have names of their own service."""
    for task, names in _TASKS.items():
        _name(task, names)


def error_name(error: ClientError, names: Names) -> str:
    """Return the name by which Retry and Catch know `error`."""
    return f"{names.prefix}.{own_name(error) or names.otherwise}"


def own_name(error: ClientError) -> str:
    """Return the name that the service's model gives `error`; "" for none, as for a denial.

    Some services model the denials of a few operations, by which the others' are not meant.
    """
    kind = type(error).__name__.removesuffix("Exception")
    return "" if type(error) is ClientError or kind == "AccessDenied" else f"{kind}Exception"


def failure(task: Any, env: Any, error: ClientError, names: Names) -> FailureEvent:
    """Return what ends `task` after a service has refused its call."""
    refused, metadata = error.response["Error"], error.response["ResponseMetadata"]
    cause = (
        f"{refused['Message']} (Service: {names.service}; Status Code: {metadata['HTTPStatusCode']}; "
        f"Error Code: {refused['Code']}; Request ID: {metadata['RequestId']}; Proxy: null)"
    )
    name = error_name(error, names)
    details = TaskFailedEventDetails(
        error=name, cause=cause, resource=task._get_sfn_resource(), resourceType=task._get_sfn_resource_type()
    )
    told: Any = {"taskFailedEventDetails": details}  # as moto makes it, without the members of other kinds
    kind = HistoryEventType.TaskFailed
    return FailureEvent(env=env, error_name=CustomErrorName(name), event_type=kind, event_details=told)


def _name(task: Any, names: Names) -> None:
    def from_error(self: Any, env: Any, ex: Exception) -> Any:
        return failure(self, env, ex, names) if isinstance(ex, ClientError) else original(self, env, ex)

    original = replace(task, "_from_error", from_error, parameters=_PARAMETERS)
