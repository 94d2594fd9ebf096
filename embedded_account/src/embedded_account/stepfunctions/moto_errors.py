"""Step Functions: the names by which a state's Retry and Catch know what went wrong, where moto has others.

Source: Step Functions developer guide, "Handling errors in Step Functions workflows", error names.
"""

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_callback import (
    StateTaskServiceCallback,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_lambda import (
    StateTaskServiceLambda,
)
from moto.stepfunctions.parser.asl.eval.callback.callback import HeartbeatTimeoutError

from embedded_account.wiring.replacement import replace

_PARAMETERS = ("self", "env", "ex")


def install() -> None:
    """Apply the corrections."""
    _name_heartbeats()
    _name_lost_connections()


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


def _sdk_client_exception(error: BotoCoreError) -> ClientError:
    said: Any = {  # no answer came, so its metadata is less than the type asks for
        "Error": {"Code": "SdkClientException", "Message": f"Unable to execute HTTP request: {error}"},
        "ResponseMetadata": {"HTTPStatusCode": 0, "RequestId": "null"},
    }
    return ClientError(said, "Invoke")
