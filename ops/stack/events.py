"""A stack's events: which are new, why something failed, and how a person reads them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ops.console import say
from ops.session import Session

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackEventTypeDef

_CANCELLED = ("Resource creation cancelled", "Resource update cancelled")


def seen(session: Session, stack_id: str) -> set[str]:
    """Return the ids of the events that the stack has had so far."""
    ids: set[str] = set()
    list(new(session, stack_id, ids))
    return ids


def new(session: Session, stack_id: str, known: set[str]) -> Iterator[StackEventTypeDef]:
    """Yield the events not in `known`, oldest first, and add them to it."""
    fresh: list[StackEventTypeDef] = []
    for page in session.cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack_id):
        unseen = [event for event in page["StackEvents"] if event["EventId"] not in known]
        fresh += unseen
        if len(unseen) < len(page["StackEvents"]):
            break
    known.update(event["EventId"] for event in fresh)
    yield from reversed(fresh)


def failure_reason(event: StackEventTypeDef) -> str:
    """Return why a resource failed, "" when the event says nothing of the kind or only follows another failure."""
    reason = event.get("ResourceStatusReason", "")
    if not event.get("ResourceStatus", "").endswith("_FAILED") or is_cancelled(reason):
        return ""
    return f"{event.get('LogicalResourceId')} ({event.get('ResourceType')}): {reason or 'no reason given'}"


def is_cancelled(reason: str) -> bool:
    """Tell whether a resource was given up only because another one had failed."""
    return reason.startswith(_CANCELLED)


def show(event: StackEventTypeDef) -> None:
    """Print one stack event, unless it only says that something has begun."""
    status = event.get("ResourceStatus", "")
    if status.endswith("_IN_PROGRESS") and event.get("ResourceType") != "AWS::CloudFormation::Stack":
        return
    reason = f": {event['ResourceStatusReason']}" if event.get("ResourceStatusReason") else ""
    name = f"{event.get('LogicalResourceId')} ({event.get('ResourceType')})"
    say(f"{event['Timestamp'].astimezone():%H:%M:%S} {status} {name}{reason}")
