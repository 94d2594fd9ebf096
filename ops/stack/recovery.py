"""Brings a stack out of every state in which it can be neither created nor updated, for `deploy.py up`."""

from __future__ import annotations

from collections.abc import Callable

from botocore.exceptions import ClientError

from ops.console import say
from ops.errors import StackError, error_code
from ops.session import Session
from ops.stack import events, stacks, states, teardown
from ops.stack.stacks import Stack
from ops.stack.states import Step

_ROLLED_BACK = "UPDATE_ROLLBACK_COMPLETE"
_STUCK = "UPDATE_ROLLBACK_FAILED"  # which has a step of its own
_MAX_STEPS = 5  # wait, roll back, continue it, and twice somebody else


def make_changeable(session: Session, confirm: Callable[[str], bool] | None) -> Stack | None:
    """Return the stack once it can be updated, or created by a change set; None when there is none.

    Raises:
        StackError: nothing of what is tried leads there; the message says what a person can do.
    """
    for _ in range(_MAX_STEPS):
        stack = stacks.find(session)
        step = states.for_up(stack.status) if stack else Step.CREATE
        if stack is None or step in {Step.CREATE, Step.UPDATE}:
            return stack
        _take(session, stack, step, confirm)
    raise StackError(
        f"stack {session.stack_name!r}: still can be neither created nor updated after {_MAX_STEPS} attempts; remove it"
        f" with `deploy.py down{session.flags}`, or look at its events in the CloudFormation console"
    )


def lift_stop(session: Session, stack: Stack) -> None:
    """Let executions start again where an interrupted `down` has stopped them: the template reserves nothing there."""
    may = {"StartExecutionFunctionName": "executions may start", "StandbyFunctionName": "the endpoint may be started"}
    for output, words in may.items():
        if function := stack.outputs.get(output):
            _lift(session, function, words)


def _lift(session: Session, function: str, words: str) -> None:
    try:
        answer = session.functions.get_function_concurrency(FunctionName=function)
    except ClientError as error:
        if error_code(error) != "ResourceNotFoundException":
            raise
        return
    if answer.get("ReservedConcurrentExecutions") == 0:
        session.functions.delete_function_concurrency(FunctionName=function)
        say(f"{words} again; an earlier `deploy.py down`, or a person, had set its concurrency to 0")


def _take(session: Session, stack: Stack, step: Step, confirm: Callable[[str], bool] | None) -> None:
    if step is Step.WAIT:
        stacks.wait_while_busy(session, stack)
    elif step is Step.ROLL_BACK:
        say(f"stack {session.stack_name!r} is {stack.status}: the update that failed is rolled back first")
        seen = events.seen(session, stack.stack_id)
        session.cloudformation.rollback_stack(StackName=stack.stack_id)
        stacks.follow(session, stack.stack_id, seen, on_event=events.show, wanted=(_ROLLED_BACK, _STUCK))
    elif step is Step.CONTINUE_ROLLBACK:
        _continue_rollback(session, stack)
    elif step is Step.DELETE:
        _delete(session, stack, confirm)
    else:
        raise StackError(
            f"stack {session.stack_name!r}: is {stack.status}, in which CloudFormation only lets it be deleted;"
            f" remove it with `deploy.py down{session.flags}`, then run `deploy.py up{session.flags}` again"
        )


def _continue_rollback(session: Session, stack: Stack) -> None:
    """Continue a rollback that failed; what fails again is passed over.

    Source: CloudFormation API reference, ContinueUpdateRollback.
    """
    say(f"stack {session.stack_name!r} is {stack.status}: the rollback that failed is continued first")
    seen = events.seen(session, stack.stack_id)
    session.cloudformation.continue_update_rollback(StackName=stack.stack_id)
    try:
        _follow_rollback(session, stack, seen)
    except StackError:
        failed = _failed_in_rollback(session, stack)
        if not failed:
            raise
        say(f"passing over what cannot be rolled back: {', '.join(failed)}; the update sets it anew")
        session.cloudformation.continue_update_rollback(StackName=stack.stack_id, ResourcesToSkip=failed)
        _follow_rollback(session, stack, seen)


def _follow_rollback(session: Session, stack: Stack, seen: set[str]) -> None:
    stacks.follow(session, stack.stack_id, seen, on_event=events.show, wanted=(_ROLLED_BACK,))


def _failed_in_rollback(session: Session, stack: Stack) -> list[str]:
    listed = stacks.resources(session, stack)
    return sorted(
        entry["LogicalResourceId"]
        for entry in listed
        if entry["ResourceStatus"] == "UPDATE_FAILED" and not events.is_cancelled(entry.get("ResourceStatusReason", ""))
    )


def _delete(session: Session, stack: Stack, confirm: Callable[[str], bool] | None) -> None:
    """Delete a stack of which nothing can be kept; the person is asked unless nothing is left in it."""
    if stack.status == "ROLLBACK_COMPLETE":
        say(f"stack {session.stack_name!r} is {stack.status}: its creation failed, so it is deleted first")
        stacks.delete(session, stack)
        return
    question = (
        f"Stack {session.stack_name!r} is {stack.status}: it can only be deleted, with its endpoint and models, and"
        f" then created anew; its data bucket stays. Delete it in {session.account_id}, {session.region}?"
    )
    if confirm is not None and not confirm(question):
        raise StackError("not confirmed: nothing was deleted or changed; answer yes, or run again with --yes")
    say(f"stack {session.stack_name!r} is {stack.status}: it is deleted first")
    teardown.down(session, say)
