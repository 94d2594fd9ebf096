"""Executions that are over, or outlive the account: what they were, without what ran them."""

import json
import zlib
from collections.abc import Collection
from contextlib import suppress
from datetime import datetime
from typing import Any

from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.parser.utils import TMP_THREADS

_NUM_KEPT = 100  # of each state machine, the newest, when the account ends
_MOST_ENDED = 10_000  # of each state machine, while it runs; AWS keeps them for 90 days
_SPARE = 500
LOST = "the embedded account ended while the execution ran; start it again"


class PastWorker:
    """Takes the place of the interpreter of an execution that is over; holds its history and its tasks' tokens."""

    env = None  # nothing runs: no token is waited for

    def __init__(self, events: list[dict[str, Any]], tokens: Collection[str] = ()) -> None:
        self._packed = _packed(events)
        self.tokens = frozenset(tokens)

    @property
    def events(self) -> list[dict[str, Any]]:
        """Its history, oldest first: a copy."""
        events: list[dict[str, Any]] = json.loads(zlib.decompress(self._packed))
        return events

    def stop(self, **_: Any) -> None:
        """Stop nothing: who asked has found the execution running, and it ended since."""

    def add(self, event: dict[str, Any]) -> None:
        """Let the history end in `event`."""
        self._packed = _packed([*self.events, event])


def _packed(events: list[dict[str, Any]]) -> bytes:
    return zlib.compress(json.dumps(events, default=_as_text).encode())


def _as_text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def history(execution: Any) -> list[dict[str, Any]]:
    """Return the events of an execution so far, oldest first; none of one that is being started."""
    worker = execution.exec_worker
    if isinstance(worker, PastWorker):
        return worker.events
    return list(execution.to_history_output()["events"]) if worker else []


def close(execution: Any) -> None:
    """Let go of what ran an execution that is over: the interpreter held twenty kilobytes for each."""
    tokens = execution.exec_worker.env.callback_pool_manager._pool
    past = PastWorker(history(execution), tokens)
    if execution.status == "TIMED_OUT" and not any(event["type"] == "ExecutionTimedOut" for event in past.events):
        past.add(_last(past, "ExecutionTimedOut", execution.stop_date, {}))  # moto's thread writes it later, or never
    execution.exec_worker = past
    execution._cloud_watch_logging_session = None
    TMP_THREADS[:] = [thread for thread in TMP_THREADS if thread.is_alive()]
    executions = execution.state_machine.executions
    if len(executions) > _MOST_ENDED + _SPARE:
        for each in [each for each in executions[:-_MOST_ENDED] if each.status != "RUNNING"]:
            with suppress(ValueError):  # another that ends at the same time was faster
                executions.remove(each)


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
            details = {"error": execution.error, "cause": execution.cause}
            execution.exec_worker.add(_last(execution.exec_worker, "ExecutionAborted", now, details))


def _kept(execution: Any) -> Any:
    worker = execution.exec_worker
    past = worker if isinstance(worker, PastWorker) else PastWorker(history(execution))
    return _copy(execution, exec_worker=past, state_machine=None, _cloud_watch_logging_session=None, _activity_store={})


def _last(past: PastWorker, kind: str, at: datetime, details: dict[str, Any]) -> dict[str, Any]:
    """Return the event that ends a history."""
    number = len(past.events)
    return {
        "id": number + 1,
        "previousEventId": number,
        "type": kind,
        "timestamp": at.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        f"{kind[0].lower()}{kind[1:]}EventDetails": details,
    }


def _copy(original: Any, **changes: Any) -> Any:
    copied = object.__new__(type(original))
    vars(copied).update(vars(original) | changes)
    return copied
