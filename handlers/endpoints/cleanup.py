"""What the end of an execution puts in order: its jobs, its package, the endpoint, and what nothing uses any more.

Every step is tried whatever the others did.
"""

import time
from collections.abc import Callable
from typing import Literal

from handlers import aws
from handlers.aws.logs import logger
from handlers.contract.errors import EndpointFailedError, ModelRejectedError, RetrieverError
from handlers.contract.names import (
    features_job_name,
    training_job_name,
    trials_job_name,
    tuning_job_name,
    unpacking_job_name,
)
from handlers.contract.settings import Settings
from handlers.contract.states import ReportOutcomeInput
from handlers.endpoints import scaling, serving
from handlers.executions import records
from handlers.executions.approvals import words_of
from handlers.executions.rollbacks import put_into_production
from handlers.executions.waiting import forget
from handlers.ledger import Ledger, Run, Token
from handlers.training_jobs.jobs import describe, stop_job

SET_BACK_SECONDS = 720.0  # SageMaker replaces the instances; the function may run 900

Step = tuple[str, Callable[[], object]]  # the words for its failure, and what it does


def stop_running_jobs(step: ReportOutcomeInput, ledger: Ledger) -> None:
    """Stop the jobs that this execution started and drop its tokens, so that nothing is billed on."""
    stop_job("unpacking", unpacking_job_name(step.execution_name))
    stop_job("features", features_job_name(step.execution_name))
    stop_job("tuning", tuning_job_name(step.execution_name))
    stop_job("trials", trials_job_name(step.execution_name))
    stop_job("training", training_job_name(step.execution_name))
    for token in Token.all(ledger):
        if token.execution_name == step.execution_name:
            forget(ledger, token)


def delete_failed_endpoint(step: ReportOutcomeInput, settings: Settings) -> None:
    """Delete the endpoint if this execution created it and it never came up; such a one cannot be updated."""
    endpoint = describe("endpoint", settings.endpoint_name)
    if endpoint and endpoint["EndpointStatus"] == "Failed" and endpoint["EndpointConfigName"] == step.execution_name:
        serving.remove_endpoint(settings.endpoint_name)


def take_out_of_service(step: ReportOutcomeInput, ledger: Ledger, settings: Settings) -> None:
    """Wait until the endpoint serves the old model again, so that the rejected one can be removed.

    CheckEndpoint sets it back itself. An update whose request was carried out and never answered goes on although its
    state has failed, and is taken back here.

    Raises:
        EndpointFailedError: it takes too long; the sweep takes it back, and the next run's report removes it then.
    """
    until = time.monotonic() + SET_BACK_SECONDS
    is_steady = serving.wait_until_steady(settings, SET_BACK_SECONDS)
    if is_steady and serving.take_out(step.execution_name, ledger, settings):
        is_steady = serving.wait_until_steady(settings, until - time.monotonic())
    if not is_steady:
        raise EndpointFailedError(
            f"endpoint {settings.endpoint_name!r} still changes after {SET_BACK_SECONDS:.0f} s; the rejected model is "
            f"removed after the next run"
        )


def approve_package(step: ReportOutcomeInput, reason: str) -> None:
    """Say in the registry that the model may be used, since it serves; a person's word stays.

    Raises:
        ModelRejectedError: a person has rejected it while it was deployed.
    """
    arn = step.state.get("Model", {}).get("ModelPackageArn")
    if not arn:
        return
    package = describe("approval", arn) or {}
    status, again = package.get("ModelApprovalStatus"), records.redeployed(step.state)
    if status == "Rejected" and not again:
        raise ModelRejectedError(
            f"it was {words_of(package)}, while it was deployed; it serves, `deploy.py rollback` takes it out"
        )
    if status != "Approved":
        _judge(arn, "Approved", f"{'deployed again' if again else 'by the gate'}: {reason}")


def reject_package(step: ReportOutcomeInput, reason: str) -> None:
    """Say in the registry that the model is not to be used; a person's no stays, and what is gone is gone."""
    arn = step.state.get("Model", {}).get("ModelPackageArn")
    package = describe("approval", arn) if arn else None
    if package is not None and package.get("ModelApprovalStatus") != "Rejected":
        _judge(arn, "Rejected", reason)


def reject_left(step: ReportOutcomeInput, ledger: Ledger, reason: str) -> None:
    """Say in the registry that the model which a rollback has left is not to be used."""
    left = records.leaves(step.state)
    run = Run.get(ledger, left) if left else None
    _judge(run.model_package_arn if run else None, "Rejected", reason)


def _judge(model_package_arn: str | None, status: Literal["Approved", "Rejected"], reason: str) -> None:
    if model_package_arn:
        aws.sagemaker().update_model_package(
            ModelPackageArn=model_package_arn, ModelApprovalStatus=status, ApprovalDescription=reason[:1024]
        )


def clean_up(step: ReportOutcomeInput, ledger: Ledger, settings: Settings, reason: str) -> list[Step]:
    """Return the steps that put the account in order, each with the words for its failure."""
    last: Step = (
        "unused models and endpoint configs were not removed",
        lambda: serving.remove_unused(ledger, settings),
    )
    if step.status == "SUCCEEDED":
        name = step.execution_name
        return [
            ("the serving execution was not noted", lambda: put_into_production(name, ledger, settings)),
            ("the model package was not approved", lambda: approve_package(step, reason)),
            ("the package of the model that was left was not rejected", lambda: reject_left(step, ledger, reason)),
            last,
        ]
    deployed: list[Step] = []
    failed = records.failed_state(step.state)
    is_new = failed in ("WaitForApproval", "DeployShadow", "DeployEndpoint") and not records.redeployed(step.state)
    if failed in ("JudgeShadow", "CheckEndpoint") or is_new:
        deployed.append(("the model package was not rejected", lambda: reject_package(step, reason)))
    if failed in ("DeployShadow", "JudgeShadow", "DeployEndpoint", "CheckEndpoint"):
        deployed.append(("the endpoint was not set back", lambda: take_out_of_service(step, ledger, settings)))
    return [
        ("running jobs were not stopped", lambda: stop_running_jobs(step, ledger)),
        ("autoscaling was not restored", lambda: scaling.restore(ledger, settings)),
        ("the failed endpoint was not deleted", lambda: delete_failed_endpoint(step, settings)),
        *deployed,
        last,
    ]


def attempt(steps: list[Step]) -> list[str]:
    """Take every step; return what went wrong, in words."""
    problems = []
    for words, act in steps:
        try:
            act()
        except Exception as error:  # noqa: BLE001 - whatever it is, the execution's own outcome must be reported
            logger.exception("a step of the report failed", step=words)
            message = str(error) if isinstance(error, RetrieverError) else repr(error)
            problems.append(f"{words}: {message}")
    return problems
