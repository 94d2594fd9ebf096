"""SageMaker's state-change events: which job, model package or endpoint one is about."""

from collections.abc import Mapping
from typing import Any

_ARN_FIELDS = {
    "SageMaker Training Job State Change": "TrainingJobArn",
    "SageMaker HyperParameter Tuning Job State Change": "HyperParameterTuningJobArn",
    "SageMaker Model Package State Change": "ModelPackageArn",
    "SageMaker Endpoint State Change": "EndpointArn",
}


def model_package_arn(event: Mapping[str, Any]) -> str:
    """Return the ARN of the model package that an event is about, in its own case, or ""."""
    return str(event.get("detail", {}).get("ModelPackageArn") or "")


def resource_arn(event: Mapping[str, Any]) -> str:
    """Return the ARN, in lower case, of the job, model package or endpoint that a state-change event is about.

    Raises:
        ValueError: it is no such event.
    """
    kind = event.get("detail-type")
    field = _ARN_FIELDS.get(str(kind))
    arn = event.get("detail", {}).get(field) if field else None
    if not arn:
        raise ValueError(f"event {kind!r}; expected one of {', '.join(_ARN_FIELDS)} with its ARN, or {{'Sweep': true}}")
    return str(arn).lower()
