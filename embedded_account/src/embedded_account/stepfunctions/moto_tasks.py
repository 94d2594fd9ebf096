"""Step Functions: what a task sends to an API and hands on from its answer, by the names and types of AWS's model.

In a definition members begin with a capital letter, whatever the API calls them; bodies are text and dates are JSON.
Source: Step Functions developer guide, "Integrating services" and "AWS SDK service integrations".
"""

import base64
import json
from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any

from botocore import xform_name
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape
from botocore.response import StreamingBody
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import StateTaskService

from embedded_account.data_files import data_loader, service_model
from embedded_account.stepfunctions.sdk_services import SERVICES
from embedded_account.wiring.replacement import replace

_PARAMETERS = ("self", "parameters", "boto_service_name", "service_action_name")
_RESPONSE = ("self", "response", "boto_service_name", "service_action_name")


def install() -> None:
    """Convert requests and answers of every task."""

    def convert_request(
        self: Any,
        parameters: dict[str, Any],
        boto_service_name: str | None = None,
        service_action_name: str | None = None,
    ) -> None:
        operation = _operation(self, boto_service_name, service_action_name)
        if operation is not None and operation.input_shape is not None:
            _put(parameters, request_of(parameters, operation.input_shape))

    def convert_answer(
        self: Any, response: Any, boto_service_name: str | None = None, service_action_name: str | None = None
    ) -> None:
        operation = _operation(self, boto_service_name, service_action_name)
        if operation is not None and operation.output_shape is not None and isinstance(response, dict):
            date = _iso_date if self.resource.service_name == "aws-sdk" else _milliseconds
            _put(response, answer_of(response, operation.output_shape, date))

    StateTaskService._SERVICE_NAME_SFN_TO_BOTO_OVERRIDES.update({name: one.boto_name for name, one in SERVICES.items()})
    replace(StateTaskService, "_normalise_parameters", convert_request, parameters=_PARAMETERS)
    replace(StateTaskService, "_normalise_response", convert_answer, parameters=_RESPONSE)


def request_of(value: Any, shape: Shape) -> Any:
    """Return what an API of `shape` is to get for `value` of a definition."""
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        names = {_capitalised(name): name for name in shape.members}
        named = [(names.get(_capitalised(key), key), one) for key, one in value.items()]
        return {name: request_of(one, shape.members[name]) if name in shape.members else one for name, one in named}
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [request_of(one, shape.member) for one in value]
    if isinstance(shape, MapShape) and isinstance(value, dict):
        return {key: request_of(one, shape.value) for key, one in value.items()}
    if shape.type_name in {"string", "blob"} and isinstance(value, dict | list):
        text = json.dumps(value, separators=(",", ":"))
        return text.encode() if shape.type_name == "blob" else text
    return value


def answer_of(value: Any, shape: Shape | None, date: Callable[[datetime], Any]) -> Any:
    """Return what a state hands on of an API's answer of `shape`; `date` writes its dates."""
    if isinstance(value, datetime):
        return date(value)
    if isinstance(value, StreamingBody | bytes):
        return _text(value if isinstance(value, bytes) else value.read())
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        return {_capitalised(key): answer_of(one, shape.members.get(key), date) for key, one in value.items()}
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [answer_of(one, shape.member, date) for one in value]
    if isinstance(shape, MapShape) and isinstance(value, dict):
        return {key: answer_of(one, shape.value, date) for key, one in value.items()}
    return value


def _operation(task: Any, service: str | None, action: str | None) -> OperationModel | None:
    """Return the model of what a task calls; None where AWS has no such operation, which the call then says."""
    model = _model(task._get_boto_service_name(service))
    if model is None:
        return None
    called = task._get_boto_service_action(action)
    return next((model.operation_model(name) for name in model.operation_names if xform_name(name) == called), None)


@cache
def _model(service: str) -> ServiceModel | None:
    if service not in data_loader().list_available_services("service-2"):
        return None
    return service_model(service)


def _put(target: dict[str, Any], content: dict[str, Any]) -> None:
    """Let `target`, which moto holds on to, have `content`."""
    target.clear()
    target.update(content)


def _capitalised(name: str) -> str:
    return name[:1].upper() + name[1:]


def _text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return base64.b64encode(content).decode()


def _iso_date(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
