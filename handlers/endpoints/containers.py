"""The serving container as models and model packages describe it."""

from typing import Any

from handlers.contract.settings import Settings

# TorchServe's, which the image lets a model set: ten lines of log and metrics a request, written while it waits, cost a
# quarter of the answers a second (docs/experiments.md). Its metrics stay where they can be fetched.
SERVER_VARIABLES = {"TS_ASYNC_LOGGING": "true", "TS_METRICS_MODE": "prometheus"}


def container(settings: Settings, model_data_url: str, image_uri: str = "") -> dict[str, Any]:
    """Return image, artifact and environment; the artifact carries inference.py under code/."""
    return {
        "Image": image_uri or settings.inference_image_uri,
        "ModelDataUrl": model_data_url,
        "Environment": {
            "SAGEMAKER_PROGRAM": "inference.py",
            "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
            "SAGEMAKER_CONTAINER_LOG_LEVEL": "20",
            "SAGEMAKER_REGION": settings.state_machine_arn.split(":")[3],
            **SERVER_VARIABLES,
        },
    }
