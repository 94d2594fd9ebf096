"""Tiny models that need no torch, and endpoints of them, for the tests of hosting."""

import io
import tarfile
import threading
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError
from support.waiting import eventually

IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-inference:2.6.0-cpu-py312"
ROLE_ARN = "arn:aws:iam::123456789012:role/serving"
VARIANT = "AllTraffic"
BUCKET = "hosting-tests"

# Answers with its own name. The body says what else to do: sleep, fail in some way, or end the process.
INFERENCE = """
import json, os, time
from sagemaker_inference.errors import BaseInferenceToolkitError

def model_fn(model_dir):
    if os.environ.get("BROKEN"):
        raise RuntimeError("weights of the wrong shape")
    return open(os.path.join(model_dir, "name")).read()

def input_fn(body, content_type):
    return body if isinstance(body, bytes) else body.encode()

def predict_fn(data, model):
    command, _, value = data.decode("latin-1").partition(" ")
    if command == "sleep":
        time.sleep(float(value))
    if os.environ.get("FAILS_AFTER"):
        time.sleep(float(os.environ["FAILS_AFTER"]))
        raise RuntimeError("out of order")
    if command == "refuse":
        raise BaseInferenceToolkitError(415, "not an image", "not an image")
    if command == "fail":
        raise RuntimeError("out of luck")
    if command == "exit":
        os._exit(3)
    return {"model": model, "bytes": len(data), "threads": os.environ["OMP_NUM_THREADS"], "pid": os.getpid()}

def output_fn(prediction, accept):
    return json.dumps(prediction), accept
"""


class Hosting:
    """Makes endpoints of tiny models in the account that `client` gives clients of."""

    def __init__(self, client: Callable[[str], Any]) -> None:
        self.sagemaker = client("sagemaker")
        self.runtime = client("sagemaker-runtime")
        self.s3 = client("s3")
        self.s3.create_bucket(Bucket=BUCKET)

    def config(
        self,
        model_name: str,
        *,
        count: int = 1,
        environment: dict[str, str] | None = None,
        inference: str = INFERENCE,
        **members: Any,
    ) -> str:
        """Make a model and an endpoint configuration of it; return the configuration's name."""
        name = f"{model_name}-{uuid4().hex[:8]}"
        self.s3.put_object(Bucket=BUCKET, Key=f"{name}/model.tar.gz", Body=archive(model_name, inference))
        self.sagemaker.create_model(
            ModelName=name,
            ExecutionRoleArn=ROLE_ARN,
            PrimaryContainer={
                "Image": IMAGE,
                "ModelDataUrl": f"s3://{BUCKET}/{name}/model.tar.gz",
                "Environment": {
                    "SAGEMAKER_PROGRAM": "inference.py",
                    "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
                    **(environment or {}),
                },
            },
        )
        variant = {
            "VariantName": VARIANT,
            "ModelName": name,
            "InitialInstanceCount": count,
            "InstanceType": "ml.m5.large",
            **members,
        }
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        return name

    def endpoint(self, model_name: str, **options: Any) -> str:
        """Make an endpoint of a tiny model and wait until it is in service; return its name."""
        config_name = self.config(model_name, **options)
        name = f"e-{uuid4().hex[:8]}"
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config_name)
        assert self.settled(name)["EndpointStatus"] == "InService"
        return name

    def settled(self, name: str, *, seconds: float = 30) -> dict[str, Any]:
        """Return the description of the endpoint once it is in no transition any more."""

        def settled() -> dict[str, Any]:
            answer: dict[str, Any] = self.sagemaker.describe_endpoint(EndpointName=name)
            return answer if answer["EndpointStatus"] in {"InService", "Failed"} else {}

        return eventually(settled, seconds, f"the end of endpoint {name!r}'s transition")

    def delete(self, name: str) -> None:
        """Delete the endpoint and wait until it is gone."""
        self.sagemaker.delete_endpoint(EndpointName=name)

        def is_gone() -> bool:
            try:
                self.sagemaker.describe_endpoint(EndpointName=name)
            except ClientError:
                return True
            return False

        eventually(is_gone, 20, f"the deletion of endpoint {name!r}")

    def invoke(self, name: str, body: bytes = b"x", **options: Any) -> dict[str, Any]:
        """Return the answer of InvokeEndpoint."""
        answer: dict[str, Any] = self.runtime.invoke_endpoint(
            EndpointName=name, Body=body, ContentType="image/jpeg", **options
        )
        return answer


class Load:
    """Clients that invoke an endpoint one request after the other until the block ends."""

    def __init__(self, hosting: Hosting, name: str, *, num_clients: int = 2, pause_seconds: float = 0.005) -> None:
        self.errors: list[str] = []
        self.answers: list[bytes] = []
        self._hosting, self._name, self._pause = hosting, name, pause_seconds
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(num_clients)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(20)

    def _run(self) -> None:
        while not self._stop.wait(self._pause):
            try:
                self.answers.append(self._hosting.invoke(self._name)["Body"].read())
            except Exception as error:  # noqa: BLE001 (whatever a client would have seen)
                self.errors.append(repr(error))


def archive(model_name: str, inference: str = INFERENCE) -> bytes:
    """Return the model.tar.gz of a tiny model with the code `inference`, whose own answers with `model_name`."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        for path, text in (("code/inference.py", inference), ("name", model_name)):
            member = tarfile.TarInfo(path)
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    return content.getvalue()
