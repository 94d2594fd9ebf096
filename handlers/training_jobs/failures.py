"""One readable sentence for each way in which SageMaker fails: what, its own message, where the log is, what to do."""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

_MAX_MESSAGE = 700
_SCRIPT_MESSAGE = re.compile(r'ErrorMessage "(?P<message>.*?)"\s*(?:Command "|ExitCode|$)', re.DOTALL)
_ENVELOPE = re.compile(r"^AlgorithmError: |, exit code: -?\d+\.?$")


def real_message(failure_reason: str) -> str:
    """Return what the script said, out of the envelope that SageMaker's toolkit puts around it.

    Without a failure file a FailureReason reads `AlgorithmError: ExecuteUserScriptError: ExitCode 1 ErrorMessage
    "<traceback>" Command ...`, and the traceback's last line is the message. With one it reads `AlgorithmError: <the
    file's text>, exit code: 1`.
    """
    match = _SCRIPT_MESSAGE.search(failure_reason)
    lines = match["message"].replace("\\n", "\n").strip().splitlines() if match else []
    last_line = lines[-1].strip() if lines else _ENVELOPE.sub("", " ".join(failure_reason.split()))
    return _shortened(last_line.rstrip(".;")) or "no reason was given"


class Limits(NamedTuple):
    """The parameters of what makes a training job shorter, and of what it may take."""

    amount_of_work: str = "Epochs"
    runtime: str = "TrainingMaxRuntimeSeconds"


def training_job_sentence(job: Mapping[str, Any], limits: Limits, problem: str = "") -> str:
    """Return why a training job did not complete, or what is wrong with what it left: `problem`."""
    name, status = job["TrainingJobName"], job["TrainingJobStatus"]
    logs = f"see log group /aws/sagemaker/TrainingJobs, streams {name}/"
    if job.get("SecondaryStatus") == "MaxRuntimeExceeded":
        limit = job.get("StoppingCondition", {}).get("MaxRuntimeInSeconds")
        return (
            f"training job {name!r} was stopped after its limit of {limit} s; raise the parameter "
            f"{limits.runtime} or lower {limits.amount_of_work}, {logs}"
        )
    if job.get("SecondaryStatus") == "MaxWaitTimeExceeded":
        limit = job.get("StoppingCondition", {}).get("MaxWaitTimeInSeconds")
        return (
            f"training job {name!r} was stopped after {limit} s with too few spot instances; raise the parameter "
            f"SpotMaxWaitSeconds or set UseSpot=false, {logs}"
        )
    if status == "Stopped":
        return f"training job {name!r} was stopped by someone; start the execution again, {logs}"
    message = problem or real_message(job.get("FailureReason", ""))
    return f"training job {name!r} ended {status}: {message}; {logs}, correct the cause and upload again"


def tuning_job_sentence(job: Mapping[str, Any], failed_trial: Mapping[str, Any] | None) -> str:
    """Return why a tuning job has no result; `failed_trial` is one of its failed training jobs, which says more."""
    name, status = job["HyperParameterTuningJobName"], job["HyperParameterTuningJobStatus"]
    if failed_trial:
        trial = failed_trial["TrainingJobName"]
        return (
            f"tuning job {name!r} ended {status} without a best training job: {trial!r} failed with "
            f"{real_message(failed_trial.get('FailureReason', ''))}; see log group /aws/sagemaker/TrainingJobs, "
            f"streams {trial}/, correct the cause and upload again"
        )
    logs = f"see log group /aws/sagemaker/TrainingJobs, streams {name}-"
    if status in ("Stopped", "Stopping"):
        return f"tuning job {name!r} was stopped by someone; start the execution again, {logs}"
    message = real_message(job.get("FailureReason", ""))
    return f"tuning job {name!r} ended {status} without a best training job: {message}; {logs}"


def endpoint_sentence(endpoint: Mapping[str, Any], expected_config: str, refusal: str = "") -> str:
    """Return why a deployment of `expected_config` did not end with the endpoint serving it.

    `refusal` is what the container itself said, where it refused to serve.
    """
    name, status, config = endpoint["EndpointName"], endpoint["EndpointStatus"], endpoint["EndpointConfigName"]
    message = refusal or real_message(endpoint.get("FailureReason", ""))
    logs = f"see log group /aws/sagemaker/Endpoints/{name}"
    if status == "InService":
        return (
            f"endpoint {name!r} was rolled back to {config!r} while {expected_config!r} was deployed: {message}; "
            f"the old model serves on, {logs} and the rollback alarms"
        )
    return f"endpoint {name!r} is {status} with {expected_config!r}: {message}; {logs}"


def vanished_sentence(kind: str, name: str) -> str:
    """Return what to say about a job, model package or endpoint that was there and is no more."""
    others = {"trials": "training job", "endpoint": "endpoint", "shadow": "endpoint", "approval": "model package"}
    what = others.get(kind, f"{kind} job")
    return (
        f"{what} {name!r} no longer exists; it was deleted while the execution waited for it, start the execution again"
    )


def lambda_message(cause: str) -> str:
    """Return the message in a Cause: a Lambda error's JSON, or a sentence as it stands."""
    try:
        parsed = json.loads(cause)
    except ValueError:
        parsed = None
    message = parsed.get("errorMessage") if isinstance(parsed, dict) else None
    return _shortened(" ".join(str(message or cause).split()))


def _shortened(message: str) -> str:
    return message if len(message) <= _MAX_MESSAGE else f"{message[: _MAX_MESSAGE - 3]}..."
