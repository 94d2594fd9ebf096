"""The serving container as models and model packages describe it."""

from typing import Any

from handlers.contract.settings import Settings


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
        },
    }
