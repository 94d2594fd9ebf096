"""The CloudFormation stack as it is: its state, outputs and events."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from ops.errors import StackError, error_code
from ops.session import Session

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackEventTypeDef

_CANCELLED = ("Resource creation cancelled", "Resource update cancelled")
_REMEDY_OF_STATUS = {
    "CREATE_FAILED": "remove it with `deploy.py down`, then run `deploy.py up` again",
    "ROLLBACK_FAILED": "remove it with `deploy.py down`, then run `deploy.py up` again",
    "DELETE_FAILED": "run `deploy.py down` again",
    "UPDATE_ROLLBACK_FAILED": "run `aws cloudformation continue-update-rollback`, then `deploy.py up` again",
}


@dataclass(frozen=True)
class Stack:
    """A stack that exists. `parameters` may hold masked values."""

    stack_id: str
    status: str
    outputs: Mapping[str, str]
    parameters: Mapping[str, str]

    def output(self, name: str) -> str:
        """Return one output.

        Raises:
            StackError: the stack is older than this deploy.py.
        """
        if name not in self.outputs:
            raise StackError(f"stack output {name!r}: missing; update the stack with `deploy.py up`")
        return self.outputs[name]

    @property
    def table_name(self) -> str:
        """Return the name of the stack's table, which the ledger asks for."""
        return self.output("TableName")


def find(session: Session) -> Stack | None:
    """Return the stack, or None when there is none."""
    try:
        stacks = session.cloudformation.describe_stacks(StackName=session.stack_name)["Stacks"]
    except ClientError as error:
        if error_code(error) == "ValidationError":  # CloudFormation's answer for a stack that does not exist
            return None
        raise
    if not stacks or stacks[0]["StackStatus"] == "DELETE_COMPLETE":
        return None
    stack = stacks[0]
    return Stack(
        stack_id=stack["StackId"],
        status=stack["StackStatus"],
        outputs={entry["OutputKey"]: entry["OutputValue"] for entry in stack.get("Outputs", [])},
        parameters={entry["ParameterKey"]: entry.get("ParameterValue", "") for entry in stack.get("Parameters", [])},
    )


def deployed(session: Session) -> Stack:
    """Return the stack, ready to be used.

    Raises:
        StackError: it does not exist, or was never created completely.
    """
    stack = find(session)
    create = f"deploy.py up{session.flags}"
    if stack is None:
        raise StackError(f"stack {session.stack_name!r}: does not exist in {session.region}; create it with `{create}`")
    if not stack.outputs:
        raise StackError(f"stack {session.stack_name!r}: is {stack.status} and has no outputs; run `{create}`")
    return stack


def require_changeable(session: Session, stack: Stack | None) -> None:
    """Refuse to change a stack that is busy or stuck.

    Raises:
        StackError: with what to do about it.
    """
    if stack is None or stack.status in {"REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE"}:
        return
    if stack.status.endswith("_IN_PROGRESS"):
        raise StackError(
            f"stack {session.stack_name!r}: is {stack.status}; wait until it has ended, then run this again"
        )
    if stack.status in _REMEDY_OF_STATUS:
        raise StackError(f"stack {session.stack_name!r}: is {stack.status}; {_REMEDY_OF_STATUS[stack.status]}")


def delete(session: Session, stack_id: str, *, seconds: float, on_event: Callable[[StackEventTypeDef], None]) -> None:
    """Delete the stack and wait until it is gone.

    Raises:
        StackError: something could not be deleted, with the reason.
    """
    seen = seen_events(session, stack_id)
    session.cloudformation.delete_stack(StackName=stack_id)
    follow(session, stack_id, seen, seconds=seconds, on_event=on_event)


def follow(
    session: Session,
    stack_id: str,
    seen: set[str],
    *,
    seconds: float,
    on_event: Callable[[StackEventTypeDef], None] | None,
) -> str:
    """Report each new event of a changing stack until the change ends; return the final status.

    Without `on_event` the events are read once, at the end, for the reason of a failure.

    Raises:
        StackError: the change failed (the first failing resource's reason is in the message) or takes too long.
    """
    deadline = time.monotonic() + seconds
    failure = ""
    while time.monotonic() < deadline:
        status = _status(session, stack_id)
        has_ended = not status.endswith("_IN_PROGRESS")
        for event in new_events(session, stack_id, seen) if on_event or _is_failure(status) else ():
            failure = failure or _failure_reason(event)
            if on_event:
                on_event(event)
        if has_ended:
            _raise_if_failed(session, status, failure)
            return status
        time.sleep(session.poll_seconds)
    raise StackError(
        f"stack {session.stack_name!r}: still changing after {seconds:.0f} s; it goes on; look with `deploy.py plan`"
    )


def seen_events(session: Session, stack_id: str) -> set[str]:
    """Return the ids of the events that the stack has had so far."""
    seen: set[str] = set()
    list(new_events(session, stack_id, seen))
    return seen


def new_events(session: Session, stack_id: str, seen: set[str]) -> Iterator[StackEventTypeDef]:
    """Yield the events not in `seen`, oldest first, and add them to it."""
    fresh: list[StackEventTypeDef] = []
    for page in session.cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack_id):
        unseen = [event for event in page["StackEvents"] if event["EventId"] not in seen]
        fresh += unseen
        if len(unseen) < len(page["StackEvents"]):
            break
    seen.update(event["EventId"] for event in fresh)
    yield from reversed(fresh)


def event_time(event: StackEventTypeDef) -> datetime:
    """Return when the event happened, in this machine's time zone."""
    return event["Timestamp"].astimezone()


def _status(session: Session, stack_id: str) -> str:
    try:
        return session.cloudformation.describe_stacks(StackName=stack_id)["Stacks"][0]["StackStatus"]
    except ClientError as error:
        if error_code(error) == "ValidationError":
            return "DELETE_COMPLETE"
        raise


def _failure_reason(event: StackEventTypeDef) -> str:
    reason = event.get("ResourceStatusReason", "")
    if not event.get("ResourceStatus", "").endswith("_FAILED") or reason.startswith(_CANCELLED):
        return ""
    return f"{event.get('LogicalResourceId')} ({event.get('ResourceType')}): {reason or 'no reason given'}"


def _is_failure(status: str) -> bool:
    """Return whether a change ended, and not as it should."""
    return not status.endswith("_IN_PROGRESS") and ("ROLLBACK" in status or status.endswith("_FAILED"))


def _raise_if_failed(session: Session, status: str, failure: str) -> None:
    if _is_failure(status):
        reason = failure or "no resource gave a reason"
        raise StackError(f"stack {session.stack_name!r} ended {status}: {reason}; correct it and run the command again")
