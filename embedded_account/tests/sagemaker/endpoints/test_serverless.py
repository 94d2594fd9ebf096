"""Serverless endpoints: containers start with the requests and end when nobody asks.

Source: SageMaker developer guide, "Deploy models with Amazon SageMaker Serverless Inference".
"""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError
from embedded_account.pytest_plugin import RunningAccount
from support.hosted import BUCKET, VARIANT, Hosting
from support.waiting import eventually


@pytest.fixture(scope="module")
def hosting(fast: RunningAccount) -> Hosting:
    """Make endpoints in the fast account."""
    return Hosting(fast.client)


@pytest.fixture(scope="module")
def model(hosting: Hosting) -> str:
    """Give a model that answers with the process that answered."""
    return hosting.config("on-demand", environment={"SAGEMAKER_MODEL_SERVER_WORKERS": "1"})


def _config(hosting: Hosting, model: str, **members: Any) -> str:
    variant = {"VariantName": VARIANT, "ModelName": model}
    name = f"serverless-{len(hosting.sagemaker.list_endpoint_configs(MaxResults=100)['EndpointConfigs'])}"
    capacity = {"ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 2}}
    hosting.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant | capacity | members])
    return name


@pytest.fixture(scope="module")
def endpoint(hosting: Hosting, model: str) -> Iterator[str]:
    """Give an endpoint of at most two containers."""
    hosting.sagemaker.create_endpoint(EndpointName="on-demand", EndpointConfigName=_config(hosting, model))
    assert hosting.settled("on-demand")["EndpointStatus"] == "InService"
    yield "on-demand"
    hosting.delete("on-demand")


def test_the_description_tells_the_memory_and_no_instances(hosting: Hosting, endpoint: str) -> None:
    """CurrentServerlessConfig stands where others have instance counts."""
    (variant,) = hosting.sagemaker.describe_endpoint(EndpointName=endpoint)["ProductionVariants"]

    assert variant["CurrentServerlessConfig"] == {"MemorySizeInMB": 2048, "MaxConcurrency": 2}
    assert (variant["CurrentInstanceCount"], "DesiredInstanceCount" in variant) == (0, False)


def test_two_requests_at_once_have_a_container_each(hosting: Hosting, endpoint: str) -> None:
    """A third one is throttled, since two are all that may run."""

    def ask(_: int) -> str:
        try:
            return str(json.loads(hosting.invoke(endpoint, b"sleep 1.5")["Body"].read())["pid"])
        except ClientError as error:
            return str(error.response["Error"]["Code"])

    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(ask, range(3)))

    assert answers.count("ThrottlingException") == 1
    assert len(set(answers)) == 3


def test_an_idle_container_ends_and_the_next_request_starts_one(hosting: Hosting, endpoint: str) -> None:
    """The process that answers after idle minutes is another one; the caller only waits for its start."""
    before = json.loads(hosting.invoke(endpoint)["Body"].read())["pid"]

    after = eventually(lambda: _another(hosting, endpoint, before), 30, "another process", pause_seconds=4)

    assert after != before


def _another(hosting: Hosting, endpoint: str, pid: int) -> int:
    now = int(json.loads(hosting.invoke(endpoint)["Body"].read())["pid"])
    return now if now != pid else 0


def test_a_model_that_does_not_start_fails_the_endpoint(hosting: Hosting) -> None:
    """It is found when the endpoint is created, not by the first caller."""
    broken = hosting.config("broken", environment={"BROKEN": "1"})
    hosting.sagemaker.create_endpoint(EndpointName="broken", EndpointConfigName=_config(hosting, broken))

    described = hosting.settled("broken")
    hosting.delete("broken")

    assert described["EndpointStatus"] == "Failed"
    assert "did not pass the ping health check" in described["FailureReason"]


@pytest.mark.parametrize(
    ("members", "refusal"),
    [
        ({"InstanceType": "ml.m5.large"}, "ServerlessConfig or InstanceType with a count, not both"),
        ({"ServerlessConfig": {"MemorySizeInMB": 1500, "MaxConcurrency": 1}}, "1500 is no multiple of 1024"),
        (
            {"ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1, "ProvisionedConcurrency": 2}},
            "ProvisionedConcurrency is above MaxConcurrency",
        ),
    ],
)
def test_a_variant_that_cannot_be_is_refused(
    hosting: Hosting, model: str, members: dict[str, Any], refusal: str
) -> None:
    """The configuration is not made."""
    with pytest.raises(ClientError, match=refusal):
        _config(hosting, model, **members)


def test_concurrency_is_held_to_the_accounts_quota(hosting: Hosting, model: str) -> None:
    """Over all endpoints: two that ask for more than a settled account's 200 together are one too many."""
    capacity = {"ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 200}}
    hosting.sagemaker.create_endpoint(EndpointName="small", EndpointConfigName=_config(hosting, model))

    with pytest.raises(ClientError, match=r"Maximum total concurrency .* is 200 .*utilization of [24] .*delta of 200"):
        hosting.sagemaker.create_endpoint(EndpointName="large", EndpointConfigName=_config(hosting, model, **capacity))

    assert hosting.settled("small")["EndpointStatus"] == "InService"
    hosting.delete("small")


def test_data_capture_of_a_serverless_variant_is_refused(hosting: Hosting, model: str) -> None:
    """It is among what serverless inference leaves out."""
    variant = {"VariantName": VARIANT, "ModelName": model}
    capture = {"InitialSamplingPercentage": 1, "DestinationS3Uri": f"s3://{BUCKET}/c", "CaptureOptions": []}
    options = [{"CaptureMode": "Input"}]

    with pytest.raises(ClientError, match="no data capture"):
        hosting.sagemaker.create_endpoint_config(
            EndpointConfigName="captured",
            ProductionVariants=[variant | {"ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1}}],
            DataCaptureConfig=capture | {"CaptureOptions": options},
        )


def test_an_endpoint_on_instances_does_not_become_serverless(hosting: Hosting, model: str) -> None:
    """The update is refused; the endpoint stays as it is."""
    name = hosting.endpoint("on-instances")

    with pytest.raises(ClientError, match="from instances to serverless inference"):
        hosting.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=_config(hosting, model))

    hosting.delete(name)
