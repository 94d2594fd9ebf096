"""What earlier runs of a stack have cost, by which the next one is expected."""

from __future__ import annotations

from botocore.exceptions import ClientError

from handlers.ledger import Ledger, Run, RunStatus
from ops.errors import StackError
from ops.session import Session
from ops.stack.stacks import Stack

_LAST = 5


def dollars(session: Session, stack: Stack | None) -> list[float]:
    """Return what the last runs have cost that trained a model; none where the stack has no records, or not for us."""
    if stack is None:
        return []
    try:
        runs = list(Run.all(Ledger(stack, client=session.dynamodb)))
    except (StackError, ClientError):
        return []
    return of_runs(runs)


def of_runs(runs: list[Run]) -> list[float]:
    """Return the dollars of the last runs that searched, trained and succeeded, the oldest first."""
    whole = [
        run
        for run in runs
        if run.status == RunStatus.SUCCEEDED and {"StartTuningJob", "StartTrainingJob"} <= set(run.bills or ())
    ]
    ordered = sorted(whole, key=lambda run: run.started_at or "")
    return [run.dollars for run in ordered if run.dollars is not None][-_LAST:]
