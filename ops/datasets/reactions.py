"""What the stack does about a dataset: whether an execution reads it now, and what an upload of it has led to."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from handlers.ledger import Dataset, Pending, Run, Turn
from ops.errors import UploadError
from ops.runs import executions
from ops.session import Session
from ops.stack.stacks import Stack

_MAX_QUEUED_SECONDS = 24 * 3600.0


class Records(NamedTuple):
    """What the stack knows of a dataset: its uploads and executions, and its place in the queue."""

    latest: Dataset
    pending: Pending | None
    remark: str = ""  # of the execution that was started last
    waiting: str = ""  # which other execution waits for approval, and so holds up the queue


@dataclass(frozen=True)
class Reaction:
    """What the upload led to: an execution that started, and a sentence that says why none did, or what is unusual."""

    execution_arn: str
    sentence: str


def require_idle(session: Session, stack: Stack, dataset: str, *, queue: bool, say: Callable[[str], None]) -> None:
    """Refuse, or with `queue` wait, while an execution reads the dataset: it must never see two versions mixed.

    Raises:
        UploadError: an execution of this dataset is running and `queue` is off.
    """
    for entry in executions.running(session, stack):
        if executions.dataset_of(session, entry["executionArn"]) != dataset or _has_read(session, stack, entry["name"]):
            continue
        if not queue:
            raise UploadError(
                f"dataset {dataset!r}: execution {entry['name']!r} is reading it; wait for its end with"
                f" `deploy.py watch{session.flags}`; --queue of upload waits for it"
            )
        say(f"execution {entry['name']!r} is reading dataset {dataset!r}; the upload begins when it has ended")
        executions.wait_until_ended(session, entry["executionArn"], _MAX_QUEUED_SECONDS)


def _has_read(session: Session, stack: Stack, execution_name: str) -> bool:
    """Tell whether an execution waits for approval, which reads nothing of its dataset any more."""
    run = Run.get(executions.ledger(session, stack), execution_name)
    return run is not None and run.waits_for_approval


def records(session: Session, stack: Stack, dataset: str) -> Records:
    """Return what the stack knows of the dataset."""
    ledger = executions.ledger(session, stack)
    latest = Dataset.get(ledger, dataset) or Dataset(dataset)
    run = Run.get(ledger, latest.execution_name) if latest.execution_name else None
    holder = Turn.holder(ledger)
    other = Run.get(ledger, holder.execution_name) if holder else None
    waiting = other.approval_words if other else ""
    return Records(latest, Pending.get(ledger, dataset), (run.remark if run else None) or "", waiting)


def wait_for_reaction(session: Session, stack: Stack, dataset: str, before: Records) -> Reaction | None:
    """Wait until the upload has started an execution, was queued, or was skipped; None if nothing shows up in time."""
    deadline = time.monotonic() + event_seconds(session)
    while time.monotonic() < deadline:
        reaction = _reaction(stack, dataset, before, records(session, stack, dataset))
        if reaction is not None:
            return reaction
        time.sleep(min(session.poll_seconds, 1.0) / 2)
    return None


def event_seconds(session: Session) -> float:
    """Return how long the event of an upload may take; after that it is lost, or the bucket's are not delivered yet."""
    return 30.0 if session.is_local else 60.0


def _reaction(
    stack: Stack,
    dataset: str,
    before: Records,
    now: Records,
) -> Reaction | None:
    """Tell from the items before and after what start_execution has done; None while it has done nothing.

    It notes the event's sequencer first, then the execution, the reason of a skip, or the dataset in the queue.
    """
    latest, pending = now.latest, now.pending
    name = latest.execution_name
    if name and name != before.latest.execution_name:
        machine_arn = stack.output("StateMachineArn")
        return Reaction(f"{machine_arn.replace(':stateMachine:', ':execution:')}:{name}", now.remark)
    if pending and pending != before.pending:
        why = f"another execution runs{now.waiting}, and this one starts when it has ended"
        return Reaction("", f"dataset {dataset!r} is queued: {why}")
    was_handled = latest.sequencer != before.latest.sequencer
    if was_handled and latest.skip_reason and (latest.skipped_at or "") >= (latest.uploaded_at or ""):
        return Reaction("", latest.skip_reason)
    return None
