"""Executions and the tokens of their tasks: what moto leaves out of its answers or gets wrong."""

import json
import re
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from moto.stepfunctions import models
from moto.stepfunctions.parser.api import InvalidToken

from embedded_account.account import Account
from embedded_account.errors import ServiceError
from embedded_account.stepfunctions import redrive
from embedded_account.stepfunctions.past import PastWorker, history
from embedded_account.wiring.serving import Operation

_ENDED = ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")
_EXECUTION_NAME = re.compile(r"[A-Za-z0-9_.-]{1,80}")
_LARGEST_PAYLOAD_BYTES = 262_144
_STOP_SECONDS = 10.0  # the interpreter looks between two steps whether it is to stop
_PAGE = 100


class Executions:
    """Answers what moto leaves out or gets wrong: executions and the tokens of their tasks."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._starting = threading.Lock()  # of two calls with one name, the second finds what the first has started

    def operations(self) -> dict[str, Operation]:
        """Return the operations by their names."""
        return {
            "StartExecution": self.start,
            "StopExecution": self.stop,
            "RedriveExecution": self.redrive,
            "DescribeExecution": self.describe,
            "ListExecutions": self.list,
            "GetExecutionHistory": self.history,
            "SendTaskSuccess": self.send_success,
            "SendTaskFailure": self.send_failure,
            "SendTaskHeartbeat": self.send_heartbeat,
        }

    def start(self, params: dict[str, Any]) -> dict[str, Any]:
        """Start an execution; without a name it gets a UUID."""
        name, text = params.get("name") or str(uuid.uuid4()), params.get("input", "{}")
        if not _EXECUTION_NAME.fullmatch(name):
            raise ServiceError("InvalidName", f"Invalid Name: '{name}'")
        _check_size(text)
        _check_json(text)
        with self._starting:
            execution = self._backend.start_execution(params["stateMachineArn"], name, text)
        return {"executionArn": execution.execution_arn, "startDate": execution.start_date}

    def stop(self, params: dict[str, Any]) -> dict[str, Any]:
        """Stop an execution with the caller's error and cause; one that has ended stays as it ended."""
        execution = self._execution(params)
        if execution.status == "RUNNING":
            execution.error, execution.cause = params.get("error"), params.get("cause")
            _wait_until(lambda: _has_begun(execution))  # before, moto would forget that it is to stop
            execution.stop(stop_date=vars(models)["utcnow"](), error=execution.error or "", cause=execution.cause or "")
            _wait_until(lambda: execution.status != "RUNNING")
        return {"stopDate": execution.stop_date or execution.start_date}

    def redrive(self, params: dict[str, Any]) -> dict[str, Any]:
        """Let an execution that failed go on; a second call with the token of the first is the first."""
        execution, token = self._execution(params), params.get("clientToken")
        with self._starting:
            if not token or token != getattr(execution, "redrive_token", None):
                _wait_until(lambda: execution.status == "RUNNING" or isinstance(execution.exec_worker, PastWorker))
                redrive.redrive(self._account, execution)
                execution.redrive_token = token
        return {"redriveDate": execution.redrive_date}

    def describe(self, params: dict[str, Any]) -> dict[str, Any]:
        """Describe an execution, its stop date in every ended status."""
        execution = self._execution(params)
        described = _list_item(execution) | {"input": execution.execution_input, "inputDetails": {"included": True}}
        described |= redrive.described(self._account, execution)
        if execution.status == "SUCCEEDED":
            described["output"] = json.dumps(execution.output, separators=(",", ":"), ensure_ascii=False)
            described["outputDetails"] = execution.output_details
        reasons = {"error": execution.error, "cause": execution.cause}
        return described | {name: text for name, text in reasons.items() if text is not None}

    def list(self, params: dict[str, Any]) -> dict[str, Any]:
        """List executions, newest first as on AWS."""
        if "stateMachineArn" not in params:
            raise ServiceError("ValidationException", "stateMachineArn: none; name the machine, map runs are none here")
        machine = self._backend.describe_state_machine(params["stateMachineArn"])
        wanted = params.get("statusFilter")
        chosen = [item for item in reversed(machine.executions) if wanted in (None, item.status)]
        page, token = _page(chosen, params)
        return {"executions": [_list_item(item) for item in page], "nextToken": token}

    def history(self, params: dict[str, Any]) -> dict[str, Any]:
        """Return the events of an execution, paged and in either order."""
        events = history(self._execution(params))
        if params.get("reverseOrder"):
            events.reverse()
        page, token = _page(events, params)
        return {"events": page, "nextToken": token}

    def send_success(self, params: dict[str, Any]) -> dict[str, Any]:
        """End a waiting task with its output."""
        _check_size(params["output"])
        self._check_waits(params["taskToken"])
        self._backend.send_task_success(params["taskToken"], params["output"])
        return {}

    def send_failure(self, params: dict[str, Any]) -> dict[str, Any]:
        """End a waiting task with an error and a cause."""
        self._check_waits(params["taskToken"])
        self._backend.send_task_failure(params["taskToken"], error=params.get("error"), cause=params.get("cause"))
        return {}

    def send_heartbeat(self, params: dict[str, Any]) -> dict[str, Any]:
        """Let a waiting task wait on; one without a time-out for heartbeats takes them too."""
        token = params["taskToken"]
        self._check_waits(token)
        if not any(each.exec_worker.env.callback_pool_manager.get(token) for each in self._backend._get_executions()):
            raise ServiceError("InvalidToken", f"Invalid Token: '{token}'")
        with suppress(InvalidToken):  # the task has not begun to listen: its function still runs
            self._backend.send_task_heartbeat(token)
        return {}

    def _check_waits(self, token: str) -> None:
        """Raise TaskTimedOut for the token of a task whose execution is over.

        Source: Step Functions API reference, SendTaskSuccess: the task has timed out, or its execution has ended.
        """
        for machine in list(self._backend.state_machines):
            for execution in reversed(getattr(machine, "executions", ())):
                if isinstance(execution.exec_worker, PastWorker) and token in execution.exec_worker.tokens:
                    raise ServiceError("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")

    @property
    def _backend(self) -> Any:
        from moto.stepfunctions.parser.models import stepfunctions_parser_backends

        return stepfunctions_parser_backends[self._account.account_id][self._account.region]

    def _execution(self, params: dict[str, Any]) -> Any:
        return self._backend.describe_execution(params["executionArn"])


def _page(items: Sequence[Any], params: dict[str, Any]) -> tuple[Sequence[Any], str | None]:
    size = params.get("maxResults") or _PAGE
    token = params.get("nextToken") or "0"
    if not token.isdigit():
        raise ServiceError("InvalidToken", f"Invalid Token: '{token}'")
    first = int(token)
    return items[first : first + size], str(first + size) if first + size < len(items) else None


def _list_item(execution: Any) -> dict[str, Any]:
    item = {
        "executionArn": execution.execution_arn,
        "name": execution.name,
        "startDate": execution.start_date,
        "stateMachineArn": execution.state_machine_arn,
        "status": execution.status,
        **redrive.listed(execution),
    }
    return item | ({"stopDate": execution.stop_date} if execution.status in _ENDED else {})


def _check_size(text: str) -> None:
    if len(text.encode()) > _LARGEST_PAYLOAD_BYTES:
        raise ServiceError(
            "ValidationException",
            f"the payload has {len(text.encode())} bytes; at most {_LARGEST_PAYLOAD_BYTES} are allowed",
        )


def _check_json(text: str) -> None:
    try:
        json.loads(text, parse_constant=_refuse_constant)
    except ValueError as error:
        raise ServiceError("InvalidExecutionInput", f"Invalid State Machine Execution Input: '{error}'") from error


def _refuse_constant(name: str) -> None:
    raise ValueError(f"Unrecognized token {name!r}")


def _has_begun(execution: Any) -> bool:
    """Return whether an execution's thread has come to its first state."""
    environment = getattr(execution.exec_worker, "env", None)
    return getattr(environment, "_program_state", None) is not None


def _wait_until(holds: Callable[[], bool]) -> None:
    """Return once `holds`, or after a bound: the caller's next look then tells."""
    deadline = time.monotonic() + _STOP_SECONDS
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.01)
