"""The product's own template as a stack of a test: its assets in a bucket, its handlers ones that do nothing."""

import time
from pathlib import Path
from typing import Any

from tests.handlers.packing import zipped

ROOT = Path(__file__).resolve().parents[1]
IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.8.0-cpu-py312"
PACKAGED = {
    "CodeUri: build/handlers": "CodeUri: s3://BUCKET/handlers.zip",
    "ContentUri: build/layer": "ContentUri: s3://BUCKET/layer.zip",
    "DefinitionUri: statemachine/pipeline.asl.json": "DefinitionUri: s3://BUCKET/pipeline.asl.json",
}
HANDLER = "def handler(event, context):\n    return {}\n"


def packaged(deployer: Any) -> str:
    """Return the URL of the template with its assets in a bucket; the handlers are ones that do nothing."""
    s3, bucket = deployer.aws("s3"), f"{deployer.name}-artifacts"
    region = s3.meta.region_name
    location = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    s3.create_bucket(Bucket=bucket, **location)
    names = [path.name for path in (ROOT / "handlers").glob("*.py")]
    handlers = zipped({f"handlers/{name}": "" if name == "__init__.py" else HANDLER for name in names})
    text = (ROOT / "template.yaml").read_text(encoding="utf-8")
    for local, remote in PACKAGED.items():
        assert local in text
        text = text.replace(local, remote.replace("BUCKET", bucket))
    objects = {
        "handlers.zip": handlers,
        "layer.zip": zipped({"python/shared.py": ""}),
        "pipeline.asl.json": (ROOT / "statemachine" / "pipeline.asl.json").read_bytes(),
        "template.yaml": text.encode(),
    }
    for key, content in objects.items():
        s3.put_object(Bucket=bucket, Key=key, Body=content)
    return f"{s3.meta.endpoint_url}/{bucket}/template.yaml"


def declared_parameters(deployer: Any, url: str) -> list[Any]:
    """Return the parameters that the template declares."""
    return list(deployer.client.get_template_summary(TemplateURL=url)["Parameters"])


def parameters(deployer: Any, url: str, **given: str) -> list[dict[str, str]]:
    """Return values for a change set: those given, and what has no default."""
    declared = declared_parameters(deployer, url)
    required = {item["ParameterKey"]: "x" for item in declared if "DefaultValue" not in item}
    required |= {
        "TrainingImageUri": IMAGE,
        "InferenceImageUri": IMAGE,
        "TrainingSourceS3Uri": "s3://bucket/source.tar.gz",
    }
    return [{"ParameterKey": key, "ParameterValue": text} for key, text in (required | given).items()]


def deploy(deployer: Any, url: str, mode: dict[str, str] | None = None, **given: str) -> tuple[Any, float]:
    """Carry the template out; return the change set and how long its execution took."""
    created = deployer.client.create_change_set(
        StackName=deployer.name,
        ChangeSetName=f"c{time.time_ns()}",
        ChangeSetType="UPDATE" if deployer.stack_id else "CREATE",
        TemplateURL=url,
        Parameters=parameters(deployer, url, **given),
        Capabilities=["CAPABILITY_NAMED_IAM"],
        **(mode or {}),
    )
    deployer.stack_id = created["StackId"]
    described = deployer.client.describe_change_set(ChangeSetName=created["Id"])
    started = time.monotonic()
    if described["Status"] == "CREATE_COMPLETE":
        deployer.client.execute_change_set(ChangeSetName=created["Id"])
        status = deployer.wait()
        assert status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"), deployer.failures()
    return described, time.monotonic() - started
