"""Executions of the state machine: finding one, its states with their times, and the record it leaves."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from handlers.contract import names
from handlers.ledger import Ledger, Run
from ops.errors import ExecutionError, error_code
from ops.session import Session, answered_at
from ops.stack.stacks import Stack

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions.type_defs import ExecutionListItemTypeDef, HistoryEventTypeDef

_FAILED_SUFFIXES = ("Failed", "TimedOut", "Aborted")


@dataclass
class StateProgress:
    """One state of an execution; `ended_at` is None while it runs."""

    name: str
    started_at: datetime
    ended_at: datetime | None = None
    failed: bool = False
    looked_at: datetime | None = None  # by AWS's clock

    @property
    def seconds(self) -> float:
        """Return how long it took, or had taken when it was looked at."""
        return _between(self.started_at, self.ended_at or self.looked_at)

    @property
    def status(self) -> str:
        """Return running, failed or succeeded."""
        if self.failed:
            return "failed"
        return "running" if self.ended_at is None else "succeeded"


@dataclass
class Execution:
    """One execution, as Step Functions and the run record tell it."""

    arn: str
    name: str
    status: str
    started_at: datetime
    ended_at: datetime | None
    dataset: str
    states: list[StateProgress] = field(default_factory=list)
    error: str = ""
    cause: str = ""
    record: Run | None = None  # its end is in it a moment after it has ended
    looked_at: datetime | None = None  # by AWS's clock

    @property
    def seconds(self) -> float:
        """Return how long it took, or had taken when it was looked at."""
        return _between(self.started_at, self.ended_at or self.looked_at)

    @property
    def reason(self) -> str:
        """Return why it failed, in one sentence; "" when it did not."""
        if self.status in {"RUNNING", "SUCCEEDED"}:
            return ""
        written = self.record.reason if self.record else None
        return written or one_sentence(self.error, self.cause) or self.status

    @property
    def training_job_name(self) -> str:
        """Return the job that trained its model, which is an earlier execution's where that is deployed again."""
        return training_job_name(self.record) if self.record else names.training_job_name(self.name)

    @property
    def tuning_job_name(self) -> str:
        """Return the job that found its hyperparameters."""
        return (self.record and self.record.tuning_job_name) or names.tuning_job_name(self.name)

    @property
    def failed_state(self) -> str:
        """Return the name of the state that failed, "" when none did."""
        written = self.record.failed_state if self.record else None
        return written or next((state.name for state in self.states if state.failed), "")


def _between(start: datetime, end: datetime | None) -> float:
    """Return the seconds between two times of AWS, never less than 0: the Date of an answer has no fraction."""
    return max(0.0, ((end or start) - start).total_seconds())


def find_arn(session: Session, stack: Stack, name: str | None) -> str:
    """Return the ARN of the execution called `name` (a name or an ARN), or of the latest.

    Raises:
        ExecutionError: there is none.
    """
    machine_arn = stack.output("StateMachineArn")
    if name and name.startswith("arn:"):
        return name
    if name:
        return f"{machine_arn.replace(':stateMachine:', ':execution:')}:{name}"
    executions = session.stepfunctions.list_executions(stateMachineArn=machine_arn, maxResults=100)["executions"]
    if not executions:
        raise ExecutionError(
            f"executions of stack {session.stack_name!r}: there are none yet; start one with"
            f" `deploy.py upload FOLDER --dataset NAME{session.flags}`"
        )
    return max(executions, key=lambda execution: execution["startDate"])["executionArn"]


def has_any(session: Session, stack: Stack) -> bool:
    """Tell whether the stack has ever started an execution."""
    arn = stack.output("StateMachineArn")
    return bool(session.stepfunctions.list_executions(stateMachineArn=arn, maxResults=1)["executions"])


def running(session: Session, stack: Stack) -> list[ExecutionListItemTypeDef]:
    """Return the executions that have not ended."""
    arn = stack.output("StateMachineArn")
    return session.stepfunctions.list_executions(stateMachineArn=arn, statusFilter="RUNNING")["executions"]


def dataset_of(session: Session, execution_arn: str) -> str:
    """Return the name of the dataset that an execution works on, "" when its input has none."""
    text = session.stepfunctions.describe_execution(executionArn=execution_arn).get("input", "{}")
    return _dataset_name(text)


def wait_until_ended(session: Session, execution_arn: str, seconds: float) -> None:
    """Wait until an execution has ended, in whatever status.

    Raises:
        ExecutionError: it still runs after `seconds`.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if session.stepfunctions.describe_execution(executionArn=execution_arn)["status"] != "RUNNING":
            return
        time.sleep(session.poll_seconds)
    raise ExecutionError(
        f"execution {execution_arn!r}: still running after {seconds:.0f} s; look with `deploy.py status`"
    )


def load(session: Session, stack: Stack, execution_arn: str) -> Execution:
    """Return an execution with its states, and its record once it has ended.

    Raises:
        ExecutionError: there is no such execution.
    """
    try:
        described = session.stepfunctions.describe_execution(executionArn=execution_arn)
    except ClientError as error:
        if error_code(error) in {"ExecutionDoesNotExist", "InvalidArn"}:
            raise ExecutionError(
                f"execution {execution_arn!r}: does not exist; see the latest with `deploy.py status`"
            ) from error
        raise
    execution = Execution(
        arn=described["executionArn"],
        name=described["name"],
        status=described["status"],
        started_at=described["startDate"],
        ended_at=described.get("stopDate"),
        dataset=_dataset_name(described.get("input", "{}")),
        error=described.get("error", ""),
        cause=described.get("cause", ""),
        looked_at=answered_at(described),
    )
    execution.states = _states(_history(session, execution_arn), execution)
    execution.record = Run.get(ledger(session, stack), execution.name)
    return execution


def ledger(session: Session, stack: Stack) -> Ledger:
    """Return the rows of the stack's table, as the functions write them."""
    return Ledger(stack, client=session.dynamodb)


def training_job_name(run: Run) -> str:
    """Return the job that trained the run's model; one that failed before its end is not in its record yet."""
    return run.training_job_name or names.training_job_name(run.execution_name)


def one_sentence(error: str, cause: str) -> str:
    """Return an error and its cause as Step Functions keeps them in words: a Lambda's cause is JSON."""
    try:
        parsed = json.loads(cause)
    except ValueError:
        parsed = None
    message = parsed.get("errorMessage", cause) if isinstance(parsed, dict) else cause
    return f"{error}: {message}" if message else error


def _history(session: Session, execution_arn: str) -> list[HistoryEventTypeDef]:
    pages = session.stepfunctions.get_paginator("get_execution_history").paginate(
        executionArn=execution_arn, includeExecutionData=False
    )
    return [event for page in pages for event in page["events"]]


def _states(events: Iterable[HistoryEventTypeDef], execution: Execution) -> list[StateProgress]:
    """Return the states that do work, in the order in which they were entered.

    A retried attempt that failed does not count; Choice, Pass and Fail only lead from one state to another.
    """
    states: list[StateProgress] = []
    for event in sorted(events, key=lambda event: event["id"]):
        kind = event["type"]
        if kind.endswith("StateEntered"):
            _end_current(states, event["timestamp"])
            if kind != "TaskStateEntered":
                continue
            name = event["stateEnteredEventDetails"]["name"]
            states.append(StateProgress(name, event["timestamp"], looked_at=execution.looked_at))
        elif not states or kind.startswith("Execution"):
            continue
        elif kind.endswith("StateExited"):
            _end_current(states, event["timestamp"])
        elif states[-1].ended_at is None:
            states[-1].failed = kind.endswith(_FAILED_SUFFIXES)
    if execution.ended_at is not None and states:
        states[-1].failed = states[-1].failed or (states[-1].ended_at is None and execution.status != "SUCCEEDED")
        _end_current(states, execution.ended_at)
    return states


def _end_current(states: list[StateProgress], at: datetime) -> None:
    if states and states[-1].ended_at is None:
        states[-1].ended_at = at


def _dataset_name(text: str) -> str:
    try:
        parsed = json.loads(text)
    except ValueError:
        return ""
    dataset = parsed.get("Dataset") if isinstance(parsed, dict) else None
    return str(dataset.get("Name", "")) if isinstance(dataset, dict) else ""
