"""`deploy.py up` and `plan`: package, show what would change, and carry it out after a yes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING

from ops.console import say, table
from ops.errors import StackError
from ops.packaging.bundle import Bundle
from ops.session import Session
from ops.stack import artifacts, budget, changes, parameters, stacks
from ops.stack.changes import ChangeSet
from ops.stack.parameters import Parameters
from ops.stack.stacks import Stack

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackEventTypeDef

Confirm = Callable[[str], bool]


def up(
    session: Session, bundle: Bundle, given: Mapping[str, str], confirm: Confirm | None, *, quiet: bool = False
) -> Stack:
    """Create or update the stack and return it; `confirm` is asked first, None means yes.

    Raises:
        StackError: refused by CloudFormation, by the person asked, or failed on the way; the message says which.
    """
    _delete_failed_creation(session)
    with ExitStack() as undo:
        change_set, merged = _prepare(session, bundle, given, undo)
        if change_set is None:
            undo.pop_all()
            say(f"stack {session.stack_name!r}: no change, it is up to date")
            return stacks.deployed(session)
        if not quiet:
            show(session, change_set, merged)
        if confirm is not None and not confirm(f"Carry this out in account {session.account_id}, {session.region}?"):
            raise StackError("not confirmed: nothing was created or changed; answer yes, or run again with --yes")
        undo.pop_all()
    _carry_out(session, change_set, quiet=quiet)
    return stacks.deployed(session)


def plan(session: Session, bundle: Bundle, given: Mapping[str, str]) -> bool:
    """Show what `up` would do and leave nothing behind; return whether anything would change."""
    current = stacks.find(session)
    if current is not None and current.status == "ROLLBACK_COMPLETE":
        raise StackError(
            f"stack {session.stack_name!r}: is ROLLBACK_COMPLETE, its creation failed;"
            " `deploy.py up` deletes it first and then creates it anew, so there is nothing to compare with"
        )
    with ExitStack() as undo:
        change_set, merged = _prepare(session, bundle, given, undo)
        if change_set is None:
            say(f"stack {session.stack_name!r}: no change, it is up to date")
        else:
            show(session, change_set, merged)
    return change_set is not None


def show(session: Session, change_set: ChangeSet, merged: Parameters) -> None:
    """Print the plan as a table and, where it is paid for, what an execution may cost."""
    rows = [[entry.action, entry.logical_id, entry.resource_type, entry.replacement] for entry in change_set.changes]
    title = f"{len(rows)} changes to stack {session.stack_name} ({session.account_id}, {session.region})"
    table(title, ["action", "logical id", "type", "replacement"], rows)
    if not session.is_local and merged.values.keys() >= {"UseSpot", "Trainable"}:
        for line in budget.lines(merged.values, session.region):
            say(line)


def merged_parameters(session: Session, bundle: Bundle, given: Mapping[str, str]) -> Parameters:
    """Return the parameters with which `up` would create or update the stack.

    Raises:
        StackError: one is unknown, missing, or no value that its parameter may have.
    """
    current = stacks.find(session)
    is_new = current is None or current.status == "REVIEW_IN_PROGRESS"
    previous = current.parameters if current is not None and not is_new else {}
    defaults = parameters.template_defaults(bundle.template)
    merged = parameters.merge(session, defaults, previous, given, artifacts.source_s3_uri(session, bundle))
    parameters.check_numbers(bundle.template, merged.values)
    return merged


def _prepare(
    session: Session, bundle: Bundle, given: Mapping[str, str], undo: ExitStack
) -> tuple[ChangeSet | None, Parameters]:
    """Upload the bundle and create the change set; what was made is registered with `undo`."""
    current = stacks.find(session)
    stacks.require_changeable(session, current)
    is_new = current is None or current.status == "REVIEW_IN_PROGRESS"
    merged = merged_parameters(session, bundle, given)
    for name, (old, new) in merged.changed.items():
        say(f"parameter {name}: {old!r} becomes {new!r}")
    url = artifacts.publish(session, bundle, undo)
    if current is None:
        undo.callback(lambda: _delete_empty_stack(session))
    change_set = changes.create(session, url, merged, is_new=is_new)
    if change_set is not None:
        undo.callback(lambda: changes.discard(session, change_set))
    return change_set, merged


def _carry_out(session: Session, change_set: ChangeSet, *, quiet: bool) -> None:
    seen = stacks.seen_events(session, change_set.stack_id)
    changes.execute(session, change_set)
    seconds = 300.0 if session.is_local else 3600.0
    try:
        stacks.follow(session, change_set.stack_id, seen, seconds=seconds, on_event=None if quiet else print_event)
    except KeyboardInterrupt:
        say(f"\nstopped watching; the change of stack {session.stack_name!r} goes on in {session.region}")
        raise


def _delete_failed_creation(session: Session) -> None:
    current = stacks.find(session)
    if current is None or current.status != "ROLLBACK_COMPLETE":
        return
    say(f"stack {session.stack_name!r} is ROLLBACK_COMPLETE: its creation failed, so it is deleted first")
    stacks.delete(session, current.stack_id, seconds=1800, on_event=print_event)


def _delete_empty_stack(session: Session) -> None:
    """Delete the stack that a change set of type CREATE made, as long as nothing was created in it."""
    current = stacks.find(session)
    if current is not None and current.status == "REVIEW_IN_PROGRESS":
        session.cloudformation.delete_stack(StackName=current.stack_id)


def print_event(event: StackEventTypeDef) -> None:
    """Print one stack event, unless it only says that something has begun."""
    status = event.get("ResourceStatus", "")
    if status.endswith("_IN_PROGRESS") and event.get("ResourceType") != "AWS::CloudFormation::Stack":
        return
    reason = f": {event['ResourceStatusReason']}" if event.get("ResourceStatusReason") else ""
    name = f"{event.get('LogicalResourceId')} ({event.get('ResourceType')})"
    say(f"{stacks.event_time(event):%H:%M:%S} {status} {name}{reason}")
