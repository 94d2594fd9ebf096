"""Executions that outlive the account: what they were, without what ran them."""

from datetime import datetime
from typing import Any

from moto.stepfunctions.parser.api import ExecutionStatus

_NUM_KEPT = 100  # of each state machine, the newest
LOST = "the embedded account ended while the execution ran; start it again"


class PastWorker:
    """Takes the place of the interpreter of an execution that is over; holds the history."""

    env = None  # nothing runs: no token is waited for

    def __init__(self, events: list[dict[str, Any]]) -> None:
        self.events = events


def history(execution: Any) -> list[dict[str, Any]]:
    """Return the events of an execution so far, oldest first; none of one that is being started."""
    worker = execution.exec_worker
    if isinstance(worker, PastWorker):
        return worker.events
    return list(execution.to_history_output()["events"]) if worker else []


def kept(machine: Any) -> Any:
    """Return a copy of a state machine and of its newest executions that holds nothing of the process."""
    executions = [_kept(execution) for execution in list(machine.executions)[-_NUM_KEPT:]]
    return _copy(machine, executions=executions, backend=None)


def revive(machine: Any, backend: Any, now: datetime) -> None:
    """Make a kept state machine one of `backend`; its executions that ran are ABORTED, and say why."""
    machine.backend = backend
    for execution in machine.executions:
        execution.state_machine = machine
        if execution.status == "RUNNING":
            execution.exec_status, execution.stop_date = ExecutionStatus.ABORTED, now
            execution.error, execution.cause = "EmbeddedAccount.Ended", LOST
            execution.exec_worker.events.append(_aborted(execution))


def _kept(execution: Any) -> Any:
    if execution.status == "RUNNING":
        past = PastWorker(history(execution))
    else:  # made once: what is over does not change
        past = vars(execution).setdefault("past", PastWorker(history(execution)))
    return _copy(
        execution,
        exec_worker=past,
        past=past,
        state_machine=None,
        _cloud_watch_logging_session=None,
        _activity_store={},
    )


def _aborted(execution: Any) -> dict[str, Any]:
    number = len(execution.exec_worker.events)
    details = {"error": execution.error, "cause": execution.cause}
    return {
        "id": number + 1,
        "previousEventId": number,
        "type": "ExecutionAborted",
        "timestamp": execution.stop_date.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "executionAbortedEventDetails": details,
    }


def _copy(original: Any, **changes: Any) -> Any:
    copied = object.__new__(type(original))
    vars(copied).update(vars(original) | changes)
    return copied
