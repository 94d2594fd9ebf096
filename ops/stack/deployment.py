"""`deploy.py up` and `plan`: package, show what would change, and carry it out after a yes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack

from ops.console import say, table
from ops.errors import StackError
from ops.packaging.bundle import Bundle
from ops.prices import book, items
from ops.session import Session
from ops.stack import (
    artifacts,
    budget,
    changes,
    earlier_runs,
    endpoint_changes,
    events,
    former_endpoints,
    parameters,
    presence,
    recovery,
    stacks,
    states,
)
from ops.stack.changes import ChangeSet
from ops.stack.parameters import Parameters
from ops.stack.presence import Resource
from ops.stack.stacks import Stack
from ops.stack.states import Step

Confirm = Callable[[str], bool]


def up(session: Session, bundle: Bundle, merged: Parameters, confirm: Confirm | None, *, quiet: bool = False) -> Stack:
    """Create or update the stack and return it; `confirm` is asked first, None means yes.

    Raises:
        StackError: refused by CloudFormation, by the person asked, or failed on the way; the message says which.
    """
    current = recovery.make_changeable(session, confirm)
    with ExitStack() as undo:
        change_set = _prepare(session, bundle, merged, current, undo)
        if change_set is None:
            undo.pop_all()
            say(f"stack {session.stack_name!r}: no change, it is up to date")
            return _in_use(session)
        if not quiet:
            show(session, change_set, merged, current)
        if confirm is not None and not confirm(f"Carry this out in account {session.account_id}, {session.region}?"):
            raise StackError("not confirmed: nothing was created or changed; answer yes, or run again with --yes")
        undo.pop_all()
    _carry_out(session, change_set, quiet=quiet)
    stack = _in_use(session)
    for sentence in former_endpoints.sentences(session, stack) if "EndpointName" in merged.changed else ():
        say(sentence)
    for sentence in endpoint_changes.sentences(session, stack, merged.changed):
        say(sentence)
    return stack


def plan(session: Session, bundle: Bundle, merged: Parameters) -> bool:
    """Show what `up` would do and leave nothing behind; return whether anything would change."""
    current = stacks.find(session)
    step = states.for_up(current.status) if current else Step.CREATE
    if current is not None and step not in {Step.CREATE, Step.UPDATE}:
        raise StackError(
            f"stack {session.stack_name!r}: is {current.status}; `deploy.py up{session.flags}` would first"
            f" {step.value}, so there is nothing to compare with"
        )
    with ExitStack() as undo:
        change_set = _prepare(session, bundle, merged, current, undo)
        if change_set is None:
            say(f"stack {session.stack_name!r}: no change, it is up to date")
            say_budget(session, merged, current)
        else:
            show(session, change_set, merged, current)
    return change_set is not None


def show(session: Session, change_set: ChangeSet, merged: Parameters, current: Stack | None) -> None:
    """Print the plan as a table, and what it will cost."""
    rows = [[entry.action, entry.logical_id, entry.resource_type, entry.replacement] for entry in change_set.changes]
    title = f"{len(rows)} changes to stack {session.stack_name} ({session.account_id}, {session.region})"
    table(title, ["action", "logical id", "type", "replacement"], rows)
    say_budget(session, merged, current)


def say_budget(session: Session, merged: Parameters, current: Stack | None) -> None:
    """Print what a run and a month cost, by the prices of the region, which on this machine nobody bills."""
    if not merged.values.keys() >= {"UseSpot", "Trainable"}:
        return
    if session.is_local:
        say("nothing is billed here; AWS would bill:")
    prices = book.prices(session, items.of_stack(merged.values))
    for line in budget.lines(merged.values, prices, earlier_runs.dollars(session, current)):
        say(line)


def merged_parameters(session: Session, bundle: Bundle, given: Mapping[str, str], *, reset: bool = False) -> Parameters:
    """Return the parameters with which `up` would create or update the stack, once nobody else changes it.

    With `reset` the values that the stack has now do not count.

    Raises:
        StackError: one is unknown, missing, or no value that its parameter may have; or the stack stays busy.
    """
    current = stacks.find_idle(session)
    previous = {} if current is None or states.is_new(current.status) else current.parameters
    defaults = parameters.template_defaults(bundle.template)
    source = artifacts.source_s3_uri(session, bundle)
    merged = parameters.merge(session, defaults, previous, given, source, reset=reset)
    parameters.check_numbers(bundle.template, merged.values)
    parameters.check_settings(merged.values)
    return merged


def _prepare(
    session: Session, bundle: Bundle, merged: Parameters, current: Stack | None, undo: ExitStack
) -> ChangeSet | None:
    """Upload the bundle and create the change set; what was made is registered with `undo`."""
    for name, (old, new) in merged.changed.items():
        say(f"parameter {name}: {old!r} becomes {new!r}")
    url = artifacts.publish(session, bundle, undo)
    if current is None:
        undo.callback(lambda: _delete_empty_stack(session))
    is_new = current is None or states.is_new(current.status)
    lost = [] if current is None or is_new else presence.missing(session, current)
    for resource in lost:
        say(f"deleted by hand: {resource}")
    change_set = changes.create(session, url, merged, is_new=is_new, reverts_drift=bool(lost))
    if change_set is not None:
        undo.callback(lambda: changes.discard(session, change_set))
    _require_repaired(session, lost, change_set)
    return change_set


def _require_repaired(session: Session, lost: list[Resource], change_set: ChangeSet | None) -> None:
    """Refuse a change set that does not make anew what was deleted by hand.

    Raises:
        StackError: CloudFormation has not noticed; the message names what is gone.
    """
    made = {change.logical_id for change in change_set.changes} if change_set else set()
    left = [str(resource) for resource in lost if resource.logical_id not in made]
    if left:
        raise StackError(
            f"stack {session.stack_name!r}: deleted by hand, and CloudFormation does not make it anew:"
            f" {', '.join(left)}; run `deploy.py down{session.flags}` and then `up` again"
        )


def _carry_out(session: Session, change_set: ChangeSet, *, quiet: bool) -> None:
    seen = events.seen(session, change_set.stack_id)
    changes.execute(session, change_set)
    try:
        stacks.follow(session, change_set.stack_id, seen, on_event=None if quiet else events.show)
    except KeyboardInterrupt:
        say(f"\nstopped watching; the change of stack {session.stack_name!r} goes on in {session.region}")
        raise


def _in_use(session: Session) -> Stack:
    """Return the deployed stack, which may start executions although a `down` was interrupted before."""
    stack = stacks.deployed(session)
    recovery.lift_stop(session, stack)
    return stack


def _delete_empty_stack(session: Session) -> None:
    """Delete the stack that a change set of type CREATE made, as long as nothing was created in it."""
    current = stacks.find(session)
    if current is not None and current.status == "REVIEW_IN_PROGRESS":
        session.cloudformation.delete_stack(StackName=current.stack_id)
