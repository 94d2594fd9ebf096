"""The CloudFormation stack as it is: its state and outputs, and the end of a change."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from ops.console import say
from ops.errors import StackError, error_code
from ops.session import Session
from ops.stack import events, states

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackEventTypeDef, StackResourceSummaryTypeDef


@dataclass(frozen=True)
class Stack:
    """A stack that exists. `parameters` may hold masked values."""

    stack_id: str
    status: str
    outputs: Mapping[str, str]
    parameters: Mapping[str, str]
    is_protected: bool = False

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
        is_protected=stack.get("EnableTerminationProtection", False),
    )


def name_of_endpoint(session: Session, endpoint: str) -> str:
    """Return the name of the stack that deploys to an endpoint, "" when none does."""
    for page in session.cloudformation.get_paginator("describe_stacks").paginate():
        for stack in page["Stacks"]:
            outputs = {entry["OutputKey"]: entry["OutputValue"] for entry in stack.get("Outputs", [])}
            if outputs.get("EndpointName") == endpoint and "StateMachineArn" in outputs:
                return stack["StackName"]
    return ""


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


def resources(session: Session, stack: Stack) -> list[StackResourceSummaryTypeDef]:
    """Return all that the stack has made, what is deleted by now too."""
    pages = session.cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack.stack_id)
    return [entry for page in pages for entry in page["StackResourceSummaries"]]


def delete(session: Session, stack: Stack, *, is_forced: bool = False) -> None:
    """Delete the stack and wait until it is gone; by force it goes although some of its resources stay.

    Raises:
        StackError: something could not be deleted, with the reason.
    """
    seen = events.seen(session, stack.stack_id)
    if is_forced:
        session.cloudformation.delete_stack(StackName=stack.stack_id, DeletionMode="FORCE_DELETE_STACK")
    else:
        session.cloudformation.delete_stack(StackName=stack.stack_id)
    follow(session, stack.stack_id, seen, on_event=events.show)


def follow(
    session: Session,
    stack_id: str,
    seen: set[str],
    *,
    on_event: Callable[[StackEventTypeDef], None] | None,
    wanted: Collection[str] = (),
) -> str:
    """Report each new event of a changing stack until the change ends; return the final status.

    Without `on_event` the events are read once, at the end, for the reason of a failure. A rollback is one too, unless
    it is `wanted`.

    Raises:
        StackError: the change failed (the first failing resource's reason is in the message) or takes too long.
    """
    deadline = time.monotonic() + change_seconds(session)
    failure = ""
    while time.monotonic() < deadline:
        status = _status(session, stack_id)
        has_failed = _is_failure(status) and status not in wanted
        for event in events.new(session, stack_id, seen) if on_event or has_failed else ():
            failure = failure or events.failure_reason(event)
            if on_event:
                on_event(event)
        if has_failed:
            reason = failure or "no resource gave a reason"
            raise StackError(
                f"stack {session.stack_name!r} ended {status}: {reason}; correct it and run the command again"
            )
        if not is_busy(status):
            return status
        time.sleep(session.poll_seconds)
    raise _still_busy(session, "changing")


def find_idle(session: Session) -> Stack | None:
    """Return the stack once nobody changes it, None when there is none.

    Raises:
        StackError: somebody else's change takes too long.
    """
    stack = find(session)
    if stack is None or not is_busy(stack.status):
        return stack
    wait_while_busy(session, stack)
    return find(session)


def wait_while_busy(session: Session, stack: Stack) -> None:
    """Wait until a change that somebody else has begun has ended, well or not.

    Raises:
        StackError: it takes too long.
    """
    if not is_busy(stack.status):
        return
    minutes = change_seconds(session) / 60
    say(
        f"stack {session.stack_name!r}: is {stack.status}, somebody else changes it; waiting for the end, at most"
        f" {minutes:.0f} minutes ..."
    )
    deadline = time.monotonic() + change_seconds(session)
    while time.monotonic() < deadline:
        if not is_busy(_status(session, stack.stack_id)):
            return
        time.sleep(session.poll_seconds)
    raise _still_busy(session, _status(session, stack.stack_id))


def change_seconds(session: Session) -> float:
    """Return how long a change of the stack may take."""
    return 300.0 if session.is_local else 3600.0


def is_busy(status: str) -> bool:
    """Tell whether a change is under way."""
    return states.for_up(status) is states.Step.WAIT


def _still_busy(session: Session, what: str) -> StackError:
    return StackError(
        f"stack {session.stack_name!r}: still {what} after {change_seconds(session):.0f} s; it goes on; run the command"
        " again later"
    )


def _status(session: Session, stack_id: str) -> str:
    try:
        return session.cloudformation.describe_stacks(StackName=stack_id)["Stacks"][0]["StackStatus"]
    except ClientError as error:
        if error_code(error) == "ValidationError":
            return "DELETE_COMPLETE"
        raise


def _is_failure(status: str) -> bool:
    """Return whether a change ended, and not as it should."""
    return not status.endswith("_IN_PROGRESS") and ("ROLLBACK" in status or status.endswith("_FAILED"))
