"""Step Functions: the names by which a state's Retry and Catch know what went wrong, where moto has others.

Source: Step Functions developer guide, "Handling errors in Step Functions workflows", error names.
"""

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from moto.stepfunctions.parser.api import HistoryEventType
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.error_equals_decl import ErrorEqualsDecl
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_aws_sdk import (
    StateTaskServiceAwsSdk,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_callback import (
    StateTaskServiceCallback,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_lambda import (
    StateTaskServiceLambda,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.state_task_lambda import StateTaskLambda
from moto.stepfunctions.parser.asl.eval.callback.callback import HeartbeatTimeoutError

from embedded_account.stepfunctions.refused_tasks import own_name
from embedded_account.stepfunctions.sdk_services import SERVICES
from embedded_account.wiring.replacement import replace

_SDK_CLIENT = "SdkClientException"
_OF_STEP_FUNCTIONS = {_SDK_CLIENT, "ClientExecutionTimeoutException"}  # what its own client of Lambda reports
_PARAMETERS = ("self", "env", "ex")


def install() -> None:
    """Apply the corrections."""
    _name_heartbeats()
    _match_heartbeats_as_timeouts()
    _name_lost_connections()
    _name_unmodelled_errors()
    _name_errors_of_functions()
    _prefix_services()
    _name_errors_of_services()


def _name_heartbeats() -> None:
    def from_error(self: Any, env: Any, ex: Exception) -> Any:
        failure = original(self, env, ex)
        if isinstance(ex, HeartbeatTimeoutError):
            failure.error_name = StatesErrorName(typ=StatesErrorNameType.StatesHeartbeatTimeout)
            failure.event_details["taskTimedOutEventDetails"]["error"] = failure.error_name.error_name
        return failure

    original = replace(StateTaskServiceCallback, "_from_error", from_error, parameters=_PARAMETERS)


def _name_lost_connections() -> None:
    """A call of Lambda without an answer is Lambda.SdkClientException."""

    def from_error(self: Any, env: Any, ex: Exception) -> Any:
        return original(self, env, _sdk_client_exception(ex) if isinstance(ex, BotoCoreError) else ex)

    original = replace(StateTaskServiceLambda, "_from_error", from_error, parameters=_PARAMETERS)


def _match_heartbeats_as_timeouts() -> None:
    """A missed heartbeat is a time-out too: Retry and Catch take it by either name."""
    timeout = StatesErrorName(typ=StatesErrorNameType.StatesTimeout)
    heartbeat = StatesErrorName(typ=StatesErrorNameType.StatesHeartbeatTimeout)

    def eval_body(self: Any, env: Any) -> None:
        is_heartbeat = env.stack[-1] == heartbeat
        original(self, env)
        env.stack[-1] = env.stack[-1] or (is_heartbeat and timeout in self.error_names)

    original = replace(ErrorEqualsDecl, "_eval_body", eval_body, parameters=("self", "env"))


def _name_unmodelled_errors() -> None:
    """An error of Lambda that its Invoke has no class for, such as a denial, is Lambda.AWSLambdaException."""

    def error_and_cause(client_error: ClientError) -> tuple[str, str]:
        error, cause = original(client_error)
        is_modelled = type(client_error) is not ClientError
        is_own = client_error.response["Error"]["Code"] in _OF_STEP_FUNCTIONS
        return error if is_modelled or is_own else "Lambda.AWSLambdaException", cause

    original = replace(
        StateTaskServiceLambda,
        "_error_cause_from_client_error",
        staticmethod(error_and_cause),
        parameters=("client_error",),
    )


def _name_errors_of_functions() -> None:
    """A refused task whose resource is a function's ARN has the name of a refused lambda:invoke."""

    def from_error(self: Any, env: Any, ex: Exception) -> Any:
        if not isinstance(ex, ClientError):
            return original(self, env, ex)
        error, cause = StateTaskServiceLambda._error_cause_from_client_error(ex)
        told: Any = {"lambdaFunctionFailedEventDetails": {"error": error, "cause": cause}}
        kind = HistoryEventType.LambdaFunctionFailed
        return FailureEvent(env=env, error_name=CustomErrorName(error), event_type=kind, event_details=told)

    original = replace(StateTaskLambda, "_from_error", from_error, parameters=_PARAMETERS)


def _prefix_services() -> None:
    """An error of an aws-sdk task begins with the SDK's name of the service, such as S3.NoSuchKeyException."""

    def normalised(service_name: str) -> str:
        known = SERVICES.get(service_name.lower())
        return known.error_prefix if known else service_name[:1].upper() + service_name[1:]

    replace(
        StateTaskServiceAwsSdk, "_normalise_service_error_name", staticmethod(normalised), parameters=("service_name",)
    )


def _name_errors_of_services() -> None:
    """A denial of an aws-sdk task has the service's own name, such as S3.S3Exception."""

    def normalised(norm_service_name: str, ex: Exception) -> str:
        own = own_name(ex) if isinstance(ex, ClientError) else ""
        return f"{norm_service_name}.{own or f'{norm_service_name}Exception'}"

    replace(
        StateTaskServiceAwsSdk,
        "_normalise_exception_name",
        staticmethod(normalised),
        parameters=("norm_service_name", "ex"),
    )


def _sdk_client_exception(error: BotoCoreError) -> ClientError:
    answer: Any = {  # no answer came, so its metadata is less than the type asks for
        "Error": {"Code": _SDK_CLIENT, "Message": f"Unable to execute HTTP request: {error}"},
        "ResponseMetadata": {"HTTPStatusCode": 0, "RequestId": "null"},
    }
    return ClientError(answer, "Invoke")
