"""`deploy.py models`: every trained model with its version, its accuracy, and what has become of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from handlers.ledger import Run, RunStatus, Serving
from handlers.ledger.history import origin, served
from handlers.ledger.rows import minute
from ops.console import say, table
from ops.runs import executions
from ops.session import Session
from ops.stack import endpoints
from ops.stack.stacks import Stack

COLUMNS = ["version", "run", "trained (UTC)", "accuracy", "package", "what became of it"]


class Model(NamedTuple):
    """A row of the table."""

    version: str
    run: str
    trained_at: str
    accuracy: str
    package: str  # its approval status
    fate: str


def show(session: Session, stack: Stack) -> None:
    """Print the models, the newest first, and how to go back."""
    models, endpoint = of_stack(session, stack, _packages(session, stack))
    table("", COLUMNS, [list(model) for model in models])
    if not models:
        say(f"no model has been trained yet; deploy.py upload FOLDER --dataset NAME{session.flags}")
    elif endpoint is None:
        name = stack.output("EndpointName")
        say(f"endpoint {name!r} is not there; deploy a model: deploy.py rollback RUN{session.flags}")
    else:
        say(f"let the model before serve: deploy.py rollback{session.flags}; or any that has: rollback RUN")


def of_stack(
    session: Session, stack: Stack, packages: Mapping[str, str]
) -> tuple[list[Model], endpoints.EndpointState | None]:
    """Return the rows of the stack's models, as `listed`, and the endpoint as it is now."""
    ledger, name = executions.ledger(session, stack), stack.output("EndpointName")
    endpoint = endpoints.find(session, name)
    serving = Serving.get(ledger, name) if endpoint else None
    return listed({run.execution_name: run for run in Run.all(ledger)}, packages, serving), endpoint


def listed(runs: Mapping[str, Run], packages: Mapping[str, str], serving: Serving | None) -> list[Model]:
    """Return a row for each run that trained a model and came as far as the gate, the newest first.

    `packages` is the approval status of each model package by ARN; `serving` is what serves, None for nothing.
    """
    trained = [run for run in runs.values() if origin(run) == run.execution_name and _was_judged(run)]
    history = served(runs.values())
    return [
        Model(
            version=(run.model_package_arn or "-").rpartition("/")[2],
            run=run.execution_name,
            trained_at=minute(run.ended_at or run.started_at),
            accuracy="-" if run.accuracy is None else f"{run.accuracy:.4f}",
            package=packages.get(run.model_package_arn or "", "-"),
            fate=_fate(run, runs, history, serving),
        )
        for run in sorted(trained, key=lambda run: run.started_at or "", reverse=True)
    ]


def _was_judged(run: Run) -> bool:
    return run.accuracy is not None or run.failed_state == "EvaluateModel" or run.is_open


def _fate(run: Run, runs: Mapping[str, Run], history: Sequence[Run], serving: Serving | None) -> str:
    current = runs.get(serving.execution_name) if serving else None
    if serving and current and origin(current) == run.execution_name:
        again = f", deployed again by {current.execution_name}" if current is not run else ""
        return f"serves since {minute(serving.since)}{again}"
    if run.rolled_back_at:
        return f"rolled back {minute(run.rolled_back_at)} by {run.rolled_back_by}"
    return _replaced(run, history) if run.status == RunStatus.SUCCEEDED else _not_served(run)


def _not_served(run: Run) -> str:
    if run.waits_for_approval:
        return f"waits for approval since {minute(run.waits_since)}"
    if run.is_open:
        return "in work"
    if run.rejected_at:
        return f"rejected {minute(run.rejected_at)}"
    if run.failed_state == "EvaluateModel":
        return "refused by the gate"
    return f"never served: {run.failed_state or run.status}"


def _replaced(run: Run, history: Sequence[Run]) -> str:
    """Return when another model took its place; the history is that of deployments, the newest first."""
    after: Run | None = None
    for deployment in history:
        if origin(deployment) == run.execution_name:
            break
        after = deployment
    return f"replaced {minute(after.ended_at)} by {after.execution_name}" if after else "served last"


def _packages(session: Session, stack: Stack) -> dict[str, str]:
    pages = session.sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=stack.output("ModelPackageGroupName")
    )
    return {
        one["ModelPackageArn"]: one.get("ModelApprovalStatus", "-")
        for page in pages
        for one in page["ModelPackageSummaryList"]
    }
