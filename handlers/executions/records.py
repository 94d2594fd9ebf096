"""The record of an execution: what a person reads in `deploy.py status`, in the notification and in summary.json."""

import re
from collections.abc import Mapping
from typing import Any

from handlers.contract import errors
from handlers.contract.settings import Settings
from handlers.contract.states import ReportOutcomeInput
from handlers.executions.finished import sentence
from handlers.ledger import Run
from handlers.ledger.rows import now
from handlers.training_jobs.failures import lambda_message

# Each state and the part of the state data that it adds: the first one missing is the state that failed.
_STATES = (
    ("ComputeFeatures", "Features"),
    ("StartTuningJob", "Tuning"),
    ("StartTrainingJob", "Training"),
    ("EvaluateModel", "Evaluation"),
    ("RegisterModel", "Model"),
    ("WaitForApproval", "Approval"),
    ("DeployShadow", "Shadow"),
    ("JudgeShadow", "Verdict"),
    ("DeployEndpoint", "Endpoint"),
    ("CheckEndpoint", "Check"),
    ("RegisterScaling", "Scaling"),
)
_OWN_ERRORS = {name for name in vars(errors) if name.endswith("Error")}


def failed_state(state: Mapping[str, Any]) -> str:
    """Return the name of the state that failed, told by the results that are not there."""
    if "ClassesS3Uri" not in (dataset := state.get("Dataset", {})):
        is_archive = not str(dataset.get("S3Uri", "/")).endswith("/")
        return "UnpackArchive" if is_archive and "Unpacking" not in state else "ValidateDataset"
    passed_by = _passed_by(state)
    return next((name for name, result in _STATES if result not in state and name not in passed_by), "ReportOutcome")


def _passed_by(state: Mapping[str, Any]) -> set[str]:
    """Return the states that a run does without, by what it was asked for and by what came of the states before."""
    passed_by = set() if _part(state, "Model", "ApprovalSeconds") else {"WaitForApproval"}
    if redeployed(state):
        return passed_by | {"DeployShadow", "JudgeShadow"}
    return passed_by | ({"JudgeShadow"} if _part(state, "Shadow", "Reason") else set())


def redeployed(state: Mapping[str, Any]) -> str:
    """Return the execution whose model, which has served before, this one deploys again; "" if it trains its own."""
    return str(_part(state, "Trigger", "Redeploys") or "")


def leaves(state: Mapping[str, Any]) -> str:
    """Return the execution whose model this one has left by a rollback; "" if it is none, or marks none."""
    return str(_part(state, "Trigger", "Leaves") or "")


def reason(step: ReportOutcomeInput, settings: Settings) -> str:
    """Return the outcome in one sentence; a failure's names the next step."""
    state = step.state
    dataset = state.get("Dataset", {}).get("Name", "")
    if step.status == "SUCCEEDED":
        evaluation, endpoint = state.get("Evaluation", {}), state.get("Endpoint", {})
        again = redeployed(state)
        return (
            f"dataset {dataset!r}: test accuracy {evaluation.get('Accuracy', 0):.4f} on "
            f"{evaluation.get('NumTestImages')} images (threshold {evaluation.get('Threshold')}), "
            f"endpoint {endpoint.get('EndpointName')!r} serves the model"
            + (f" of {again!r} again, without tuning and training" if again else "")
            + (f"; the model of {leaves(state)!r} was rolled back" if leaves(state) else "")
            + _reuses(state)
            + _breakdown(evaluation.get("BrokeDownInEpoch"))
            + _evidence(_part(state, "Verdict", "Words"))
            + ("" if again else _evidence(evaluation.get("Evidence")))
            + _evidence(_part(state, "Approval", "Words"))
            + _evidence(_part(state, "Scaling", "Origin"))
        )
    name = failed_state(state)
    failure = state.get("Failure", {})
    error, message = failure.get("Error", ""), lambda_message(failure.get("Cause", ""))
    if error in _OWN_ERRORS and message:
        return f"dataset {dataset!r}: {name}: {message}"
    log_group = f"/aws/lambda/{_stack_name(settings)}-{_kebab(name)}"
    if error == "States.Timeout" and name == "WaitForApproval":
        return f"dataset {dataset!r}: {name}: {_unapproved(state)}"
    if error == "States.Timeout":
        return f"dataset {dataset!r}: {name} did not end in time and was stopped; see log group {log_group}"
    cause = f"{error}: {message}" if message else error or "no error was given"
    return f"dataset {dataset!r}: {name}: {cause}; see log group {log_group} and start the execution again"


def _reuses(state: Mapping[str, Any]) -> str:
    """Return what an earlier execution has paid for; nothing where a whole model came with the input."""
    kinds = (("examination", "Features"), ("tuning", "Tuning"), ("training", "Training"))
    runs = [] if redeployed(state) else [(what, _part(state, section, "FoundIn")) for what, section in kinds]
    parts = [sentence(what, run) for what, run in runs if run]
    return f"; found, nothing paid: {', '.join(parts)}" if parts else ""


def _unapproved(state: Mapping[str, Any]) -> str:
    hours = (_part(state, "Model", "ApprovalSeconds") or 0) // 3600
    within = "an hour" if hours == 1 else f"{hours} hours"
    return (
        f"nobody approved the model within {within} (ApprovalTimeoutHours), so it is not deployed and what served "
        "before serves on; `deploy.py retry` asks again, without training, the parameter gives more time"
    )


def _evidence(words: object) -> str:
    return f"; {words}" if words else ""


def _breakdown(epoch: object) -> str:
    if not epoch:
        return ""
    return f"; training broke down in epoch {epoch}, and the model is of an epoch before, see `deploy.py report`"


def record(step: ReportOutcomeInput, settings: Settings) -> Run:
    """Return what the end of an execution adds to its record."""
    state = step.state
    failure = (failed_state(state), _part(state, "Failure", "Error")) if step.status == "FAILED" else (None, None)
    return Run(
        execution_name=step.execution_name,
        status=step.status,
        reason=reason(step, settings),
        ended_at=now(),
        dataset=_part(state, "Dataset", "Name"),
        fingerprint=_part(state, "Dataset", "Fingerprint"),
        num_classes=_part(state, "Dataset", "NumClasses"),
        report_s3_uri=_part(state, "Dataset", "ReportS3Uri"),
        pictures_s3_uri=_part(state, "Dataset", "PicturesS3Uri") or None,
        pictures_sha256=_part(state, "Dataset", "PicturesSha256") or None,
        num_pictures=_num_pictures(state),
        features_s3_uri=_part(state, "Features", "FeaturesS3Uri") or None,
        tuning_job_name=_part(state, "Tuning", "TuningJobName"),
        best_objective=_part(state, "Tuning", "BestObjective"),
        training_job_name=_part(state, "Training", "TrainingJobName"),
        billable_seconds=_part(state, "Training", "BillableSeconds"),
        accuracy=_part(state, "Evaluation", "Accuracy"),
        threshold=_part(state, "Evaluation", "Threshold"),
        num_test_images=_part(state, "Evaluation", "NumTestImages"),
        served_by=_part(state, "Evaluation", "ServedBy") or None,
        evidence=_part(state, "Evaluation", "Evidence") or None,
        model_package_arn=_part(state, "Model", "ModelPackageArn"),
        model_card=_part(state, "Model", "ModelCard") or None,
        approval=_part(state, "Approval", "Words"),
        endpoint_name=_part(state, "Endpoint", "EndpointName"),
        endpoint_config_name=_part(state, "Endpoint", "EndpointConfigName"),
        failed_state=failure[0],
        error=failure[1],
    )


def _num_pictures(state: Mapping[str, Any]) -> int | None:
    counts = [_part(state, "Dataset", name) for name in ("NumTrain", "NumValidation", "NumTest")]
    return sum(counts) if None not in counts else None


def _part(state: Mapping[str, Any], section: str, field: str) -> Any:
    part = state.get(section)
    return part.get(field) if isinstance(part, Mapping) else None


def _stack_name(settings: Settings) -> str:
    return settings.state_machine_arn.rpartition(":")[2].removesuffix("-pipeline")


def _kebab(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()
