"""Data capture: what an endpoint was asked and answered, in S3."""

import base64
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from embedded_account.pytest_plugin import RunningAccount
from support.hosted import BUCKET, Hosting
from support.waiting import eventually

_CAPTURE = {
    "EnableCapture": True,
    "InitialSamplingPercentage": 100,
    "DestinationS3Uri": f"s3://{BUCKET}/captured",
    "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
    "CaptureContentTypeHeader": {"JsonContentTypes": ["application/json"]},
}


def _captured(hosting: Hosting, name: str) -> tuple[str, list[dict[str, Any]]]:
    def listed() -> list[Any]:
        return list(hosting.s3.list_objects_v2(Bucket=BUCKET, Prefix=f"captured/{name}/").get("Contents", []))

    key = eventually(listed, 10, f"a capture of {name!r}")[0]["Key"]
    body = hosting.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read().decode()
    return key, [json.loads(line) for line in body.splitlines()]


def test_invocations_are_captured_by_variant_and_hour(fast: RunningAccount) -> None:
    """A line an invocation under {endpoint}/{variant}/yyyy/mm/dd/hh; JSON as text where listed, the rest in base 64.

    Source: SageMaker developer guide, "Capture data from real-time endpoint".
    """
    hosting = Hosting(fast.client)
    config_name = hosting.config("seen")
    made = hosting.sagemaker.describe_endpoint_config(EndpointConfigName=config_name)
    captured = f"{config_name}-captured"
    hosting.sagemaker.create_endpoint_config(
        EndpointConfigName=captured, ProductionVariants=made["ProductionVariants"], DataCaptureConfig=_CAPTURE
    )
    hosting.sagemaker.create_endpoint(EndpointName=captured, EndpointConfigName=captured)
    described = hosting.settled(captured)

    hosting.invoke(captured, b"\xff\xd8", Accept="application/json", InferenceId="photo-7")

    key, (line,) = _captured(hosting, captured)
    hosting.delete(captured)
    parts = key.split("/")
    assert parts[:3] == ["captured", captured, "AllTraffic"]
    assert [len(part) for part in parts[3:7]] == [4, 2, 2, 2]
    assert parts[7].endswith(".jsonl")
    sent, got = line["captureData"]["endpointInput"], line["captureData"]["endpointOutput"]
    assert (sent["observedContentType"], sent["mode"], sent["encoding"]) == ("image/jpeg", "INPUT", "BASE64")
    assert base64.b64decode(sent["data"]) == b"\xff\xd8"
    assert (got["mode"], got["encoding"], json.loads(got["data"])["bytes"]) == ("OUTPUT", "JSON", 2)
    assert line["eventMetadata"]["inferenceId"] == "photo-7"
    assert described["DataCaptureConfig"]["CaptureStatus"] == "Started"


def test_both_answers_to_a_copied_request_bear_its_id(fast: RunningAccount) -> None:
    """Those of the production variant and of its shadow lie apart, and the inference id joins them.

    Source: SageMaker developer guide, "Create a shadow test": data capture logs the responses of both variants.
    """
    hosting = Hosting(fast.client)
    serves, shadow = (
        hosting.sagemaker.describe_endpoint_config(EndpointConfigName=hosting.config(name))["ProductionVariants"][0]
        for name in ("serves", "candidate")
    )
    name = "both-captured"
    hosting.sagemaker.create_endpoint_config(
        EndpointConfigName=name,
        ProductionVariants=[serves],
        ShadowProductionVariants=[shadow | {"VariantName": "Candidate"}],
        DataCaptureConfig=_CAPTURE,
    )
    hosting.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    hosting.settled(name)

    hosting.invoke(name, Accept="application/json", InferenceId="photo-8")

    answers = {}
    for variant in ("AllTraffic", "Candidate"):
        _, (line,) = _captured(hosting, f"{name}/{variant}")
        output = line["captureData"]["endpointOutput"]["data"]
        answers[variant] = (json.loads(output)["model"], line["eventMetadata"]["inferenceId"])
    hosting.delete(name)
    assert answers == {"AllTraffic": ("serves", "photo-8"), "Candidate": ("candidate", "photo-8")}


def test_a_destination_that_is_no_uri_is_refused(fast: RunningAccount) -> None:
    """The configuration is not made.

    Source: SageMaker developer guide, "Capture data from real-time endpoint".
    """
    hosting = Hosting(fast.client)
    variants = hosting.sagemaker.describe_endpoint_config(EndpointConfigName=hosting.config("no"))["ProductionVariants"]

    with pytest.raises(ClientError, match="S3 URI: 'https://x/y'; it must look like s3://"):
        hosting.sagemaker.create_endpoint_config(
            EndpointConfigName="no-uri",
            ProductionVariants=variants,
            DataCaptureConfig=_CAPTURE | {"DestinationS3Uri": "https://x/y"},
        )
