"""How a job, approval or deployment that an execution waits for has ended, in the terms of the state that waits."""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from handlers import aws
from handlers.contract.names import VARIANT_NAME
from handlers.contract.states import Approval, Endpoint, JobKind, Shadow, Training, Tuning, Unpacking
from handlers.executions import approvals
from handlers.executions.container_log import golden_sentence
from handlers.ledger import Token
from handlers.training_jobs import failures, trials
from handlers.training_jobs.features import features_of
from handlers.training_jobs.jobs import describe, pending_config

SETTLING_SECONDS = 60  # a description may miss what was just made; then the sweep, at the latest, looks again
REJECTED = "ModelRejectedError"  # by a person
# How training/unpack.py says that it is the archive that cannot be used, in the words that a function would have.
_REFUSED = re.compile(r"(?P<error>DatasetError|DatasetChangedError): (?P<cause>.+)")
_ERRORS: dict[JobKind, str] = {
    "unpacking": "UnpackingJobFailedError",
    "features": "FeaturesJobFailedError",
    "tuning": "TuningJobFailedError",
    "trials": "TuningJobFailedError",
    "training": "TrainingJobFailedError",
    "approval": "ModelNotApprovedError",
    "shadow": "EndpointFailedError",
    "endpoint": "EndpointFailedError",
}


@dataclass(frozen=True)
class Succeeded:
    output: dict[str, Any]


@dataclass(frozen=True)
class Failed:
    error: str  # a class of handlers/contract/errors.py
    cause: str  # one sentence


def outcome_of(token: Token, *, surely_started: bool, was_seen: bool = False) -> Succeeded | Failed | None:
    """Return the outcome of what a token waits for, or None while it goes on.

    What cannot be described is missing only once it has had the time to be known everywhere, or was described before.
    `surely_started` is False while the handler that stored the token may not yet have made its request: then a
    missing job is no failure, nor is an endpoint that still serves its old config.
    """
    kind = token.kind
    described = describe(kind, token.resource_name)
    if described is None:
        is_settled = was_seen or time.time() - token.created_at > SETTLING_SECONDS
        cause = failures.vanished_sentence(kind, token.resource_name)
        return Failed(_ERRORS[kind], cause) if surely_started and is_settled else None
    if kind in ("shadow", "endpoint"):
        return _endpoint_outcome(described, token, surely_started=surely_started)
    return _OUTCOMES[kind](described)


def goes_to(endpoint: Mapping[str, Any], config_name: str) -> bool:
    """Tell whether the endpoint serves a config, or is on its way to it, for one who has just asked for that.

    It takes a moment until the description of an update says where it leads; only one execution deploys at a time.
    """
    pending = pending_config(endpoint)
    if pending is None and endpoint["EndpointStatus"] == "Updating":
        return True
    return config_name in (endpoint["EndpointConfigName"], pending)


def _unpacking_outcome(job: Mapping[str, Any]) -> Succeeded | Failed | None:
    status = job["TrainingJobStatus"]
    if status not in ("Completed", "Failed", "Stopped"):
        return None
    if status == "Completed":
        return Succeeded(Unpacking(training_job_name=job["TrainingJobName"]).to_event())
    if refused := _REFUSED.fullmatch(failures.real_message(job.get("FailureReason", ""))):
        return Failed(refused["error"], refused["cause"])
    limits = failures.Limits("the number of files")
    return Failed(_ERRORS["unpacking"], failures.training_job_sentence(job, limits))


def _features_outcome(job: Mapping[str, Any]) -> Succeeded | Failed | None:
    status = job["TrainingJobStatus"]
    if status not in ("Completed", "Failed", "Stopped"):
        return None
    if status != "Completed":
        return Failed(_ERRORS["features"], failures.training_job_sentence(job, failures.Limits("FeatureViews")))
    return Succeeded(features_of(job).to_event())


def tuning_outcome(job: Mapping[str, Any]) -> Succeeded | Failed | None:
    """Return how a tuning job has ended, or None while it goes on."""
    status = job["HyperParameterTuningJobStatus"]
    if status not in ("Completed", "Failed", "Stopped", "DeleteFailed"):
        return None
    best = job.get("BestTrainingJob", {})
    objective = best.get("FinalHyperParameterTuningJobObjectiveMetric", {})
    if status not in ("Completed", "Stopped") or "Value" not in objective:  # stopped at its time limit, it has a result
        return Failed(_ERRORS["tuning"], failures.tuning_job_sentence(job, _failed_trial(job)))
    counts = job.get("TrainingJobStatusCounters", {})
    tuning = Tuning(
        tuning_job_name=job["HyperParameterTuningJobName"],
        tuning_job_arn=job["HyperParameterTuningJobArn"],
        best_training_job_name=best["TrainingJobName"],
        best_objective=objective["Value"],
        hyper_parameters={name: str(value) for name, value in best["TunedHyperParameters"].items()},
        num_training_jobs=sum(counts.get(part, 0) for part in ("Completed", "Stopped", "NonRetryableError")),
    )
    return Succeeded(tuning.to_event())


def _failed_trial(job: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the last failed training job of a tuning job, whose message is the real cause, or None."""
    trials = aws.sagemaker().list_training_jobs_for_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=job["HyperParameterTuningJobName"],
        StatusEquals="Failed",
        SortBy="CreationTime",
        SortOrder="Descending",
        MaxResults=1,
    )["TrainingJobSummaries"]
    return describe("training", trials[0]["TrainingJobName"]) if trials else None


def trials_outcome(job: Mapping[str, Any]) -> Succeeded | Failed | None:
    """Return how the training job of all trials has ended; stopped at its time limit it has a result, too."""
    status = job["TrainingJobStatus"]
    if status not in ("Completed", "Failed", "Stopped"):
        return None
    tuning = trials.tuning_of(job) if status != "Failed" else ""
    if isinstance(tuning, Tuning):
        return Succeeded(tuning.to_event())
    limits = failures.Limits("MaxTuningJobs", "TuningMaxRuntimeSeconds")
    return Failed(_ERRORS["trials"], failures.training_job_sentence(job, limits, tuning))


def training_outcome(job: Mapping[str, Any]) -> Succeeded | Failed | None:
    """Return how a final training job has ended, or None while it goes on."""
    status = job["TrainingJobStatus"]
    if status not in ("Completed", "Failed", "Stopped"):
        return None
    if status != "Completed":
        return Failed(_ERRORS["training"], failures.training_job_sentence(job, failures.Limits()))
    model_data_url = job["ModelArtifacts"]["S3ModelArtifacts"]
    training = Training(
        training_job_name=job["TrainingJobName"],
        training_job_arn=job["TrainingJobArn"],
        model_data_url=model_data_url,
        output_s3_uri=model_data_url.rpartition("/")[0] + "/output.tar.gz",
        billable_seconds=job.get("BillableTimeInSeconds", job.get("TrainingTimeInSeconds", 0)),
    )
    return Succeeded(training.to_event())


def _approval_outcome(package: Mapping[str, Any]) -> Succeeded | Failed | None:
    """Return what was said of a model package; one that was set back to pending waits on."""
    status, words = package.get("ModelApprovalStatus"), approvals.words_of(package)
    if status == "Approved":
        return Succeeded(Approval(words=words).to_event())
    return Failed(REJECTED, approvals.rejected_sentence(package)) if status == "Rejected" else None


_OUTCOMES: dict[JobKind, Callable[[Mapping[str, Any]], Succeeded | Failed | None]] = {
    "unpacking": _unpacking_outcome,
    "features": _features_outcome,
    "tuning": tuning_outcome,
    "trials": trials_outcome,
    "training": training_outcome,
    "approval": _approval_outcome,
}


def _endpoint_outcome(endpoint: Mapping[str, Any], token: Token, *, surely_started: bool) -> Succeeded | Failed | None:
    status, expected = endpoint["EndpointStatus"], token.endpoint_config_name or ""
    if status in ("Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"):
        return None
    if status == "InService" and endpoint["EndpointConfigName"] == expected:
        return Succeeded(_deployed(endpoint, token).to_event())
    if status == "InService" and not surely_started:
        return None
    # Where a container refuses to serve, SageMaker says that it was not healthy, and why stands in its log.
    is_unhealthy = "ping health check" in endpoint.get("FailureReason", "")
    refusal = golden_sentence(token.resource_name, token.created_at) if is_unhealthy else ""
    return Failed(_ERRORS["endpoint"], failures.endpoint_sentence(endpoint, expected, refusal))


def _deployed(endpoint: Mapping[str, Any], token: Token) -> Endpoint | Shadow:
    names = {
        "endpoint_name": endpoint["EndpointName"],
        "endpoint_config_name": endpoint["EndpointConfigName"],
        "previous_endpoint_config_name": token.previous_endpoint_config_name or "",
    }
    if token.kind == "endpoint":
        return Endpoint(**names, endpoint_arn=endpoint["EndpointArn"], variant_name=VARIANT_NAME)
    return Shadow(
        **names,
        captured_s3_uri=token.captured_s3_uri or "",
        since=int(endpoint["LastModifiedTime"].timestamp()),  # by the clock of what is measured
        wait_seconds=token.wait_seconds or 0,
    )
