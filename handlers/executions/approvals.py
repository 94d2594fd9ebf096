"""A person's approval: who is asked, with what evidence, and what was said.

The word is the status of the model package, so whatever sets that says it: `deploy.py approve`, the SageMaker console,
or a program of one's own.
"""

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from handlers.aws.logs import logger
from handlers.aws.notifications import tell
from handlers.contract.settings import Settings
from handlers.contract.states import WaitForApprovalInput
from handlers.ledger import Ledger, Run, Token
from handlers.ledger.tokens import KEPT_SECONDS


def ask(step: WaitForApprovalInput, ledger: Ledger, settings: Settings) -> None:
    """Tell whoever subscribed what there is to decide, once, and note since when the run waits."""
    run = Run.noted(ledger, step.execution_name)
    if run.waits_since:
        logger.info("met an earlier try, which has asked", model_package_arn=step.model.model_package_arn)
        return
    # `deploy.py status` says it too; a model that was paid for must not end by a lost mail
    tell(settings, f"{settings.endpoint_name}: approve {step.execution_name}?", message(step, run, settings))
    run.note_waiting(ledger, what_waits(step))


def what_waits(step: WaitForApprovalInput) -> dict[str, Any]:
    """Return what a run's record says while it waits: until when, and what there is to judge by."""
    until = datetime.now(UTC) + timedelta(seconds=step.model.approval_seconds)
    return {
        "waits_until": until.isoformat(timespec="seconds"),
        "model_package_arn": step.model.model_package_arn,
        "accuracy": step.evaluation.accuracy,
        "threshold": step.evaluation.threshold,
        "num_test_images": step.evaluation.num_test_images,
        "evidence": step.evaluation.evidence or None,
    }


def token_of(step: WaitForApprovalInput) -> Token:
    """Return the token of a run that waits for the status of its model package."""
    now, arn = int(time.time()), step.model.model_package_arn
    return Token(
        resource_arn=arn,
        kind="approval",
        resource_name=arn,
        task_token=step.task_token,
        execution_name=step.execution_name,
        created_at=now,
        expires_at=now + KEPT_SECONDS,
        started=True,
    )


def message(step: WaitForApprovalInput, run: Run, settings: Settings) -> str:
    """Return the mail: the evidence, a line each, and what to do."""
    judged, name = step.evaluation, step.execution_name
    broke_down = f"Training broke down in epoch {judged.broke_down_in_epoch}; the model is of an epoch before."
    evidence = [
        f"Dataset {step.dataset.name!r}: test accuracy {judged.accuracy:.4f} on {judged.num_test_images} images "
        f"(threshold {judged.threshold}).",
        judged.evidence and f"The gate: {judged.evidence}.",
        judged.served_by and f"Served in: {judged.served_by}.",
        judged.broke_down_in_epoch and broke_down,
        *(f"Data: {sentence}" for sentence in run.data or []),
    ]
    stack = "" if settings.stack_name == "retriever" else f" --stack-name {settings.stack_name}"
    hours = step.model.approval_seconds // 3600
    lines = [
        f"The model of {name} passed the gate and waits for approval before endpoint {settings.endpoint_name!r} "
        f"serves it, {hours} hour{'' if hours == 1 else 's'} at most; until then what serves now serves on.",
        "\n".join(str(one) for one in evidence if one),
        f"See more:  python deploy.py report {name}{stack}\n"
        f"Approve:   python deploy.py approve {name}{stack}\n"
        f'Reject:    python deploy.py reject {name} --reason "WHY"{stack}',
        f"Or set the status of model package {step.model.model_package_arn} in the SageMaker console.",
    ]
    return "\n\n".join(lines)


def words_of(package: Mapping[str, Any]) -> str:
    """Return what was said of a described model package: its status, by whom, as far as SageMaker knows, and why."""
    status, why = str(package.get("ModelApprovalStatus", "")).lower(), package.get("ApprovalDescription", "")
    who = package.get("LastModifiedBy", {}).get("IamIdentity", {}).get("Arn", "")
    if why.startswith("by "):  # as `deploy.py approve` and the report write it
        return f"{status} {why}"
    return f"{status}{f' by {who}' if who else ''}: {why or 'no reason was given'}"


def rejected_sentence(package: Mapping[str, Any]) -> str:
    """Return why a run ends whose model package was rejected."""
    number = package.get("ModelPackageVersion", "")
    return (
        f"version {number} of the model was {words_of(package)}; it is not deployed and what served before serves on, "
        "upload other data, or train again with `deploy.py start DATASET --force`"
    )
