"""The record of an execution: what a person reads in `deploy.py status`, in the notification and in summary.json."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from handlers.contract import errors
from handlers.contract.settings import Settings
from handlers.contract.states import ReportOutcomeInput
from handlers.training_jobs.failures import lambda_message

PREFIX = "run#"
# Each state and the part of the state data that it adds: the first one missing is the state that failed.
_STATES = (
    ("ComputeFeatures", "Features"),
    ("StartTuningJob", "Tuning"),
    ("StartTrainingJob", "Training"),
    ("EvaluateModel", "Evaluation"),
    ("RegisterModel", "Model"),
    ("DeployEndpoint", "Endpoint"),
    ("CheckEndpoint", "Check"),
    ("RegisterScaling", "Scaling"),
)
_OWN_ERRORS = {name for name in vars(errors) if name.endswith("Error")}


def now() -> str:
    """Return the time as records carry it, ISO 8601 in UTC; fine enough to tell which upload came first."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def failed_state(state: Mapping[str, Any]) -> str:
    """Return the name of the state that failed, told by the results that are not there."""
    if "ClassesS3Uri" not in state.get("Dataset", {}):
        return "ValidateDataset"
    return next((name for name, result in _STATES if result not in state), "ReportOutcome")


def reason(step: ReportOutcomeInput, settings: Settings) -> str:
    """Return the outcome in one sentence; a failure's names the next step."""
    state = step.state
    dataset = state.get("Dataset", {}).get("Name", "")
    if step.status == "SUCCEEDED":
        evaluation, endpoint = state.get("Evaluation", {}), state.get("Endpoint", {})
        return (
            f"dataset {dataset!r}: test accuracy {evaluation.get('Accuracy', 0):.4f} on "
            f"{evaluation.get('NumTestImages')} images (threshold {evaluation.get('Threshold')}), "
            f"endpoint {endpoint.get('EndpointName')!r} serves the model"
        )
    name = failed_state(state)
    failure = state.get("Failure", {})
    error, message = failure.get("Error", ""), lambda_message(failure.get("Cause", ""))
    if error in _OWN_ERRORS and message:
        return f"dataset {dataset!r}: {name}: {message}"
    log_group = f"/aws/lambda/{_stack_name(settings)}-{_kebab(name)}"
    if error == "States.Timeout":
        return f"dataset {dataset!r}: {name} did not end in time and was stopped; see log group {log_group}"
    said = f"{error}: {message}" if message else error or "no error was given"
    return f"dataset {dataset!r}: {name}: {said}; see log group {log_group} and start the execution again"


def record(step: ReportOutcomeInput, settings: Settings) -> dict[str, Any]:
    """Return the attributes of the run record that the end of an execution sets."""
    state = step.state
    values = {
        "ExecutionName": step.execution_name,
        "Status": step.status,
        "Reason": reason(step, settings),
        "EndedAt": now(),
        "Dataset": _part(state, "Dataset", "Name"),
        "Fingerprint": _part(state, "Dataset", "Fingerprint"),
        "NumClasses": _part(state, "Dataset", "NumClasses"),
        "ReportS3Uri": _part(state, "Dataset", "ReportS3Uri"),
        "FeaturesS3Uri": _part(state, "Features", "FeaturesS3Uri") or None,
        "TuningJobName": _part(state, "Tuning", "TuningJobName"),
        "BestObjective": _part(state, "Tuning", "BestObjective"),
        "TrainingJobName": _part(state, "Training", "TrainingJobName"),
        "BillableSeconds": _part(state, "Training", "BillableSeconds"),
        "Accuracy": _part(state, "Evaluation", "Accuracy"),
        "Threshold": _part(state, "Evaluation", "Threshold"),
        "NumTestImages": _part(state, "Evaluation", "NumTestImages"),
        "ModelPackageArn": _part(state, "Model", "ModelPackageArn"),
        "EndpointName": _part(state, "Endpoint", "EndpointName"),
        "EndpointConfigName": _part(state, "Endpoint", "EndpointConfigName"),
    }
    if step.status == "FAILED":
        values |= {"FailedState": failed_state(state), "Error": _part(state, "Failure", "Error")}
    return {name: value for name, value in values.items() if value is not None}


def _part(state: Mapping[str, Any], section: str, field: str) -> Any:
    found = state.get(section)
    return found.get(field) if isinstance(found, Mapping) else None


def _stack_name(settings: Settings) -> str:
    return settings.state_machine_arn.rpartition(":")[2].removesuffix("-pipeline")


def _kebab(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()
