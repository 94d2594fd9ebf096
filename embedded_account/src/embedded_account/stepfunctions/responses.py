"""Step Functions over HTTP: moto's operations, with the answers that it leaves out or gets wrong."""

import re
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.stepfunctions import models
from moto.stepfunctions.parser.api import InvalidToken
from moto.stepfunctions.responses import StepFunctionResponse

from embedded_account.errors import ServiceError
from embedded_account.stepfunctions.past import history

OPERATIONS = {
    "CreateStateMachine",
    "UpdateStateMachine",
    "DeleteStateMachine",
    "DescribeStateMachine",
    "DescribeStateMachineForExecution",
    "ListStateMachines",
    "StartExecution",
    "StopExecution",
    "DescribeExecution",
    "ListExecutions",
    "GetExecutionHistory",
    "SendTaskSuccess",
    "SendTaskFailure",
    "SendTaskHeartbeat",
    "TagResource",
    "UntagResource",
    "ListTagsForResource",
}
_ENDED = ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")
_EXECUTION_NAME = re.compile(r"[A-Za-z0-9_.-]{1,80}")
_LARGEST_PAYLOAD_BYTES = 262_144
_STOP_SECONDS = 10.0  # the interpreter looks between two steps whether it is to stop
_starting = threading.Lock()  # of two calls with one name, the second finds what the first has started


class StepFunctionsResponse(StepFunctionResponse):
    """Completes moto's response class."""

    def create_state_machine(self) -> ActionResult:
        """Create a standard state machine."""
        if (kind := self._get_param("type")) not in (None, "STANDARD"):
            raise ServiceError("NotImplemented", f"type: {kind!r}; the embedded account runs STANDARD machines only")
        return super().create_state_machine()

    def start_execution(self) -> ActionResult:
        """Start an execution; without a name it gets a UUID."""
        name = self._get_param("name") or str(uuid.uuid4())
        if not _EXECUTION_NAME.fullmatch(name):
            raise ServiceError("InvalidName", f"Invalid Name: '{name}'")
        text = self._get_param("input", if_none="{}")
        _check_size(text)
        with _starting:
            execution = self.stepfunction_backend.start_execution(self._get_param("stateMachineArn"), name, text)
        return ActionResult({"executionArn": execution.execution_arn, "startDate": execution.start_date})

    def stop_execution(self) -> ActionResult:
        """Stop an execution with the caller's error and cause; one that has ended stays as it ended."""
        execution: Any = self.stepfunction_backend.describe_execution(self._get_param("executionArn"))
        if execution.status == "RUNNING":
            execution.error, execution.cause = self._get_param("error"), self._get_param("cause")
            _wait_until(lambda: _has_begun(execution))  # before, moto would forget that it is to stop
            execution.stop(stop_date=vars(models)["utcnow"](), error=execution.error or "", cause=execution.cause or "")
            _wait_until(lambda: execution.status != "RUNNING")
        return ActionResult({"stopDate": execution.stop_date or execution.start_date})

    def describe_execution(self) -> ActionResult:
        """Describe an execution, its stop date in every ended status."""
        result: Any = super().describe_execution()
        execution = self.stepfunction_backend.describe_execution(self._get_param("executionArn"))
        if execution.status in _ENDED:
            result.result.setdefault("stopDate", execution.stop_date)
        return ActionResult(result.result)

    def list_executions(self) -> ActionResult:
        """List executions, newest first as on AWS."""
        machine = self.stepfunction_backend.describe_state_machine(self._get_param("stateMachineArn"))
        wanted = self._get_param("statusFilter")
        chosen = [item for item in reversed(machine.executions) if wanted in (None, item.status)]
        page, token = self._page(chosen, 100)
        return ActionResult({"executions": [_list_item(machine, item) for item in page], "nextToken": token})

    def get_execution_history(self) -> ActionResult:
        """Return the events of an execution, paged and in either order."""
        execution: Any = self.stepfunction_backend.describe_execution(self._get_param("executionArn"))
        events = history(execution)
        if self._get_param("reverseOrder") in (True, "true"):
            events.reverse()
        page, token = self._page(events, 100)
        return ActionResult({"events": page, "nextToken": token})

    def send_task_success(self) -> EmptyResult:
        """End a waiting task with its output."""
        output = self._get_param("output")
        _check_size(output)
        self.stepfunction_backend.send_task_success(self._get_param("taskToken"), output)
        return EmptyResult()

    def send_task_failure(self) -> EmptyResult:
        """End a waiting task with an error and a cause."""
        error, cause = self._get_param("error"), self._get_param("cause")
        backend: Any = self.stepfunction_backend
        backend.send_task_failure(self._get_param("taskToken"), error=error, cause=cause)
        return EmptyResult()

    def send_task_heartbeat(self) -> EmptyResult:
        """Let a waiting task wait on; one without a time-out for heartbeats takes them too."""
        token = self._get_param("taskToken")
        backend: Any = self.stepfunction_backend
        if not any(each.exec_worker.env.callback_pool_manager.get(token) for each in backend._get_executions()):
            raise ServiceError("InvalidToken", f"Invalid Token: '{token}'")
        with suppress(InvalidToken):  # the task has not begun to listen: its function still runs
            backend.send_task_heartbeat(token)
        return EmptyResult()

    def _page(self, items: list[Any], default_size: int) -> tuple[list[Any], str | None]:
        size = int(self._get_param("maxResults") or default_size) or default_size
        token = self._get_param("nextToken") or "0"
        if not token.isdigit():
            raise ServiceError("InvalidToken", f"Invalid Token: '{token}'")
        first = int(token)
        return items[first : first + size], str(first + size) if first + size < len(items) else None


def _list_item(machine: Any, execution: Any) -> dict[str, Any]:
    item = {
        "executionArn": execution.execution_arn,
        "name": execution.name,
        "startDate": execution.start_date,
        "stateMachineArn": machine.arn,
        "status": execution.status,
    }
    return item | ({"stopDate": execution.stop_date} if execution.status in _ENDED else {})


def _check_size(text: str) -> None:
    if len(text.encode()) > _LARGEST_PAYLOAD_BYTES:
        raise ServiceError(
            "ValidationException",
            f"the payload has {len(text.encode())} bytes; at most {_LARGEST_PAYLOAD_BYTES} are allowed",
        )


def _has_begun(execution: Any) -> bool:
    """Return whether an execution's thread has come to its first state."""
    environment = getattr(execution.exec_worker, "env", None)
    return getattr(environment, "_program_state", None) is not None


def _wait_until(holds: Callable[[], bool]) -> None:
    """Return once `holds`, or after a bound: the caller's next look then tells."""
    deadline = time.monotonic() + _STOP_SECONDS
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.01)
