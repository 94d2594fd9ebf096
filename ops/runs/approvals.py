"""`deploy.py approve` and `reject`: a person's word about a model, which is the status of its model package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handlers.ledger import Run, RunStatus, Serving
from handlers.ledger.history import origin
from ops.errors import ExecutionError
from ops.runs import executions
from ops.session import Session
from ops.stack.stacks import Stack

if TYPE_CHECKING:
    from typing import Literal

_MAX_DESCRIPTION = 1024  # of SageMaker


def approve(session: Session, stack: Stack, name: str, reason: str) -> str:
    """Approve the model of a run that waits, or allow one again that has served; return what comes of it, in words.

    Raises:
        ExecutionError: there is nothing to approve.
    """
    run = _run(session, stack, name)
    _judge(session, run, "Approved", reason)
    if run.waits_for_approval:
        return f"approved: execution {name!r} goes on; look on with `deploy.py watch {name}{session.flags}`"
    return f"approved: the model may serve again, with `deploy.py rollback {name}{session.flags}`"


def reject(session: Session, stack: Stack, name: str, reason: str) -> str:
    """Reject the model of a run that waits, or one that has served; return what comes of it, in words.

    Raises:
        ExecutionError: there is nothing to reject.
    """
    run = _run(session, stack, name)
    _judge(session, run, "Rejected", reason)
    if run.waits_for_approval:
        return f"rejected: execution {name!r} ends, and what serves now serves on"
    ledger = executions.ledger(session, stack)
    serving = Serving.get(ledger, stack.output("EndpointName"))
    current = Run.get(ledger, serving.execution_name) if serving else None
    if current and origin(current) == origin(run):
        return f"rejected, but it serves: take it out of service with `deploy.py rollback{session.flags}`"
    return "rejected: no rollback and no schedule brings the model back"


def _run(session: Session, stack: Stack, name: str) -> Run:
    """Return the run, if its model waits for a word or has served.

    Raises:
        ExecutionError: neither is so, or there is no record of it.
    """
    run = Run.get(executions.ledger(session, stack), name)
    if run is None:
        waiting = [one.execution_name for one in waiting_runs(session, stack)]
        others = f"these wait for approval: {', '.join(waiting)}" if waiting else "none waits for approval"
        raise ExecutionError(f"run {name!r}: there is no record of it; {others}")
    if run.waits_for_approval or (run.status == RunStatus.SUCCEEDED and run.model_package_arn):
        return run
    if run.is_open:
        state = f"it was {run.approval}" if run.approval else f"see `deploy.py status {name}{session.flags}`"
        raise ExecutionError(f"run {name!r} does not wait for approval: {state}")
    raise ExecutionError(
        f"run {name!r} ended {run.status}, so its model waits no more; train again with `deploy.py start"
        f" {run.dataset} --force{session.flags}`"
    )


def waiting_runs(session: Session, stack: Stack) -> list[Run]:
    """Return the runs that wait for a person's word."""
    return [run for run in Run.all(executions.ledger(session, stack)) if run.waits_for_approval]


def _judge(session: Session, run: Run, status: Literal["Approved", "Rejected"], reason: str) -> None:
    who = session.client("sts").get_caller_identity()["Arn"]
    words = " ".join(f"by {who}{f': {reason}' if reason else ''}".split())[:_MAX_DESCRIPTION]
    session.sagemaker.update_model_package(
        ModelPackageArn=run.model_package_arn or "", ModelApprovalStatus=status, ApprovalDescription=words
    )
