"""Redriving: an execution that failed goes on at what had failed, with the input that this had.

Source: Step Functions developer guide, "Restarting state machine executions with redrive".
"""

import json
from datetime import timedelta
from typing import Any, cast

from moto.stepfunctions.parser.api import ExecutionStatus, HistoryEventType
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventHistoryContext
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker

from embedded_account.account import Account
from embedded_account.errors import ServiceError
from embedded_account.stepfunctions.beginnings import Beginning, beginning
from embedded_account.stepfunctions.moto_parts import ResumedProgram
from embedded_account.stepfunctions.past import history
from embedded_account.stepfunctions.reporting import LogSession, on_start

_REDRIVABLE = ("FAILED", "ABORTED", "TIMED_OUT")
_PERIOD = timedelta(days=14)
_MOST_EVENTS = 24_999


def described(account: Account, execution: Any) -> dict[str, Any]:
    """Return what DescribeExecution says of an execution's redrives."""
    reason = _refusal(account, execution)
    status = {"redriveStatus": "NOT_REDRIVABLE", "redriveStatusReason": reason} if reason else {}
    return listed(execution) | (status or {"redriveStatus": "REDRIVABLE"})


def listed(execution: Any) -> dict[str, Any]:
    """Return what a list of executions says of one's redrives."""
    count = getattr(execution, "redrive_count", 0)
    return {"redriveCount": count} | ({"redriveDate": execution.redrive_date} if count else {})


def redrive(account: Account, execution: Any) -> None:
    """Let an execution go on whose interpreter is gone.

    Raises:
        ServiceError: it runs, has succeeded, or ended too long ago.
    """
    reason = _refusal(account, execution)
    if reason:
        raise ServiceError("ExecutionNotRedrivable", reason)
    events = history(execution)
    definition = json.loads(execution.state_machine.definition)
    where = beginning(definition, execution.input_data, events)
    execution.redrive_count = getattr(execution, "redrive_count", 0) + 1
    execution.redrive_date = account.clock.now()
    execution.error = execution.cause = execution.stop_date = None
    execution._cloud_watch_logging_session = LogSession.of(account, execution)
    worker: Any = RedrivenWorker(execution, events, where)
    execution.exec_worker, execution.exec_status = worker, ExecutionStatus.RUNNING
    on_start(account, execution)
    dimensions = {"StateMachineArn": execution.state_machine.arn}
    account.put_metric("AWS/States", "ExecutionsRedriven", 1, "Count", dimensions)
    worker.start()


def _refusal(account: Account, execution: Any) -> str:
    """Return why an execution cannot be redriven; nothing where it can."""
    if execution.status not in _REDRIVABLE:
        return f"Execution is {execution.status} and cannot be redriven"
    if execution.stop_date is not None and account.clock.now() > execution.stop_date + _PERIOD:
        return "Execution ended more than 14 days ago and cannot be redriven"
    if len(history(execution)) >= _MOST_EVENTS:
        return f"Execution has reached the limit of {_MOST_EVENTS} events and cannot be redriven"
    return ""


class RedrivenWorker(ExecutionWorker):
    """Interprets the rest of an execution; its history goes on behind the events of before."""

    def __init__(self, execution: Any, events: list[dict[str, Any]], where: Beginning) -> None:
        made = execution._get_start_execution_worker()
        super().__init__(
            evaluation_details=made._evaluation_details,
            exec_comm=made._execution_communication,
            cloud_watch_logging_session=made._cloud_watch_logging_session,
            activity_store=made._activity_store,
        )
        self._execution, self._events, self._where = execution, events, where

    def _execution_logic(self) -> None:
        program = ResumedProgram(self._get_evaluation_entrypoint(), self._where)
        env, count = self._get_evaluation_environment(), self._execution.redrive_count
        env.event_manager.add_event(
            context=env.event_history_context,
            event_type=HistoryEventType.ExecutionRedriven,
            event_details=cast("Any", {"executionRedrivenEventDetails": {"redriveCount": count}}),
        )
        self.env = env
        program.eval(env)
        self._execution_communication.terminated()

    def _get_evaluation_environment(self) -> Any:
        """Return the interpreter's state, with the history of before."""
        env: Any = super()._get_evaluation_environment()
        told = {"RedriveCount": self._execution.redrive_count, "RedriveTime": self._execution.redrive_date.isoformat()}
        env.states.context_object.context_object_data["Execution"] |= told
        manager = env.event_manager
        manager._history_event_list += self._events
        manager._event_id_gen._next_id = len(self._events) + 1
        env.event_history_context = EventHistoryContext(previous_event_id=len(self._events))
        return env
