"""An artifact as training writes it, on an endpoint: inference.py runs in the container process under AWS's toolkit."""

import base64
import io
import json
import tarfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from botocore.exceptions import ClientError
from embedded_account.pytest_plugin import RunningAccount
from PIL import Image

from tests.waiting import wait_for

BUCKET = "real-models"
IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-inference:2.6.0-cpu-py312"
ROLE_ARN = "arn:aws:iam::123456789012:role/serving"
VARIANT = "AllTraffic"
CLASS_NAMES = ["daisy", "rose", "tulip"]


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Give the model.tar.gz of a small network with random weights."""
    import torch

    from inference.model import ModelSpec, build_model
    from inference.preprocessing import Preprocessing
    from training.config import parse_config
    from training.export.artifact import save_model
    from training.model.trained import TrainedModel

    folder = tmp_path_factory.mktemp("job")
    flags = ["--data", str(folder), "--model-dir", str(folder / "model"), "--training-job-name", "flowers-7"]
    config = parse_config([*flags, "--model-name", "resnet18", "--image-size", "40"], {})
    torch.manual_seed(0)
    spec = ModelSpec(config.model_name, len(CLASS_NAMES), dropout=0.2)
    network = build_model(spec).eval()
    save_model(TrainedModel(network, spec, Preprocessing.for_image_size(config.image_size), CLASS_NAMES), config)
    return _packed(config.model_dir)


@pytest.fixture(scope="module")
def endpoint(account: RunningAccount, artifact: bytes) -> Iterator[str]:
    """Give an endpoint that serves it."""
    name, sagemaker, s3 = f"real-{uuid.uuid4().hex[:8]}", account.client("sagemaker"), account.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key=f"{name}/model.tar.gz", Body=artifact)
    sagemaker.create_model(
        ModelName=name,
        ExecutionRoleArn=ROLE_ARN,
        PrimaryContainer={
            "Image": IMAGE,
            "ModelDataUrl": f"s3://{BUCKET}/{name}/model.tar.gz",
            "Environment": {
                "SAGEMAKER_PROGRAM": "inference.py",
                "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
                "SAGEMAKER_CONTAINER_LOG_LEVEL": "20",
            },
        },
    )
    variant = {"VariantName": VARIANT, "ModelName": name, "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)

    def settled() -> dict[str, Any] | None:
        description = sagemaker.describe_endpoint(EndpointName=name)
        return dict(description) if description["EndpointStatus"] in {"InService", "Failed"} else None

    assert wait_for(settled, 90)["EndpointStatus"] == "InService", sagemaker.describe_endpoint(EndpointName=name)
    yield name
    sagemaker.delete_endpoint(EndpointName=name)
    wait_for(lambda: name not in [one["EndpointName"] for one in sagemaker.list_endpoints()["Endpoints"]], 20)


@pytest.mark.slow
def test_image_is_classified_whichever_way_it_comes(account: RunningAccount, endpoint: str) -> None:
    """A picture as bytes and the same in JSON get the same probabilities over all classes."""
    picture = _picture("PNG")

    by_bytes = account.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=endpoint, Body=picture, ContentType="image/png", Accept="application/json"
    )
    in_json = account.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=endpoint,
        Body=json.dumps({"image": base64.b64encode(picture).decode()}),
        ContentType="application/json",
        Accept="application/json;top_k=1",
    )

    answer, best = json.loads(by_bytes["Body"].read()), json.loads(in_json["Body"].read())
    assert sorted(prediction["class_name"] for prediction in answer["predictions"]) == CLASS_NAMES
    assert sum(prediction["probability"] for prediction in answer["predictions"]) == pytest.approx(1.0)
    assert answer["model"]["training_job_name"] == "flowers-7"
    assert best["predictions"] == answer["predictions"][:1]
    assert by_bytes["InvokedProductionVariant"] == VARIANT


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [(b"no image at all" * 9, "image/jpeg", 400), (b"1,2,3", "text/csv", 415), (b"{}", "application/json", 400)],
)
def test_bad_request_is_the_callers_error(
    account: RunningAccount, endpoint: str, body: bytes, content_type: str, status: int
) -> None:
    """What is no picture is a client error of the model, never a server error."""
    with pytest.raises(ClientError, match="ModelError") as caught:
        account.client("sagemaker-runtime").invoke_endpoint(EndpointName=endpoint, Body=body, ContentType=content_type)

    assert dict(caught.value.response)["OriginalStatusCode"] == status


def _packed(folder: Path) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        tar.add(folder, arcname=".")
    return content.getvalue()


def _picture(image_format: str) -> bytes:
    buffer = io.BytesIO()
    pixels = np.linspace(0, 255, 64 * 48 * 3).astype(np.uint8).reshape(48, 64, 3)
    Image.fromarray(pixels).save(buffer, image_format)
    return buffer.getvalue()
