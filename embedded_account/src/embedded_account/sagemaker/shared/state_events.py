"""The state-change events that SageMaker puts on the default event bus."""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from embedded_account.account import Account
from embedded_account.sagemaker.shared.tags import Tags

logger = logging.getLogger("embedded_account.sagemaker")

_UNSAID = frozenset({"FinalMetricDataList", "BillableTimeInSeconds", "TrainingTimeInSeconds"})


def put_training_job_event(account: Account, description: Mapping[str, Any]) -> None:
    """Say that a training job changed; `description` is what DescribeTrainingJob answers."""
    detail = {name: value for name, value in description.items() if name not in _UNSAID}
    _put(account, "SageMaker Training Job State Change", detail, description["TrainingJobArn"])


def put_tuning_job_event(account: Account, description: Mapping[str, Any]) -> None:
    """Say that a tuning job changed; `description` is what DescribeHyperParameterTuningJob answers."""
    arn = description["HyperParameterTuningJobArn"]
    _put(account, "SageMaker HyperParameter Tuning Job State Change", description, arn)


def put_transform_job_event(account: Account, description: Mapping[str, Any]) -> None:
    """Say that a transform job changed; `description` is what DescribeTransformJob answers."""
    _put(account, "SageMaker Transform Job State Change", description, description["TransformJobArn"])


def put_resource_event(account: Account, kind: str, description: Mapping[str, Any], arn: str) -> None:
    """Say that a model or an endpoint configuration was made or deleted; `kind` is "Model" or "Endpoint Config"."""
    _put(account, f"SageMaker {kind} State Change", description, arn)


def _put(account: Account, detail_type: str, detail: Mapping[str, Any], arn: str) -> None:
    """Put the event; the job goes on when the bus refuses it, as on AWS."""
    tags = account.singleton(Tags).of(arn)
    try:
        account.put_event("aws.sagemaker", detail_type, with_millis(detail) | {"Tags": tags}, [arn])
    except Exception:
        logger.exception("event %r of %s was not put", detail_type, arn)


def with_millis(value: Any) -> Any:
    """Return `value` with each moment as the milliseconds since the epoch, as the events have them."""
    if isinstance(value, datetime):
        return int(value.timestamp() * 1000)
    if isinstance(value, Mapping):
        return {key: with_millis(member) for key, member in value.items()}
    if isinstance(value, list):
        return [with_millis(member) for member in value]
    return value
