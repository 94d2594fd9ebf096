"""What an endpoint configuration may say of asynchronous inference.

Source: SageMaker API reference, AsyncInferenceConfig.
"""

import os
from typing import Any

from embedded_account.sagemaker.containers.serving.container import WORKERS_PER_CORE
from embedded_account.sagemaker.shared.resources import validation_error
from embedded_account.sagemaker.shared.storage import S3Uri, StorageError
from embedded_account.wiring.refusals import not_carried_out, refuse

_WHERE = "CreateEndpointConfig.AsyncInferenceConfig"


def check(params: dict[str, Any]) -> None:
    """Raise unless CreateEndpointConfig asks for no asynchronous inference, or for what is carried out of it."""
    config = params.get("AsyncInferenceConfig")
    if not config:
        return
    output = config["OutputConfig"]
    refuse(f"{_WHERE}.OutputConfig", output, {"S3OutputPath", "S3FailurePath", "NotificationConfig"})
    topics = output.get("NotificationConfig", {})
    refuse(f"{_WHERE}.OutputConfig.NotificationConfig", topics, {"SuccessTopic", "ErrorTopic"})
    if not output.get("S3OutputPath"):
        raise not_carried_out(f"{_WHERE}.OutputConfig without S3OutputPath", "name the place of the answers")
    for member in ("S3OutputPath", "S3FailurePath"):
        _check_path(member, output.get(member))
    if any("ServerlessConfig" in variant for variant in params["ProductionVariants"]):
        raise validation_error("AsyncInferenceConfig: a serverless variant takes no asynchronous requests")
    for other in ("ShadowProductionVariants", "DataCaptureConfig"):
        if params.get(other):
            raise not_carried_out(f"{_WHERE} with {other}", f"leave {other} out")


def max_concurrent(config: dict[str, Any]) -> int:
    """Return how many requests an instance works on at one time; without a number, as many as it has workers."""
    given = config.get("ClientConfig", {}).get("MaxConcurrentInvocationsPerInstance")
    return int(given or WORKERS_PER_CORE * (os.cpu_count() or 1))


def _check_path(member: str, path: str | None) -> None:
    try:
        S3Uri.parse(path or "s3://none")
    except StorageError as error:
        raise validation_error(f"AsyncInferenceConfig.OutputConfig.{member}: {error}") from error
