"""InvokeEndpoint: what callers get for what the container does, and the metrics of it."""

import io
import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError
from embedded_account.account import Account
from embedded_account.pytest_plugin import RunningAccount
from embedded_account.sagemaker.endpoints.endpoint import Endpoint, Variant
from embedded_account.sagemaker.endpoints.runtime import Runtime
from support.counted import DAY, whole_span
from support.hosted import IMAGE, ROLE_ARN, VARIANT, Hosting
from support.waiting import eventually


@pytest.fixture(scope="module")
def hosting(account: RunningAccount) -> Hosting:
    """Make endpoints in the shared account."""
    return Hosting(account.client)


@pytest.fixture(scope="module")
def endpoint(hosting: Hosting) -> Iterator[str]:
    """Give an endpoint whose only instance queues one request at most."""
    name = hosting.endpoint("tiny", environment={"SAGEMAKER_MODEL_SERVER_WORKERS": "1", "TS_JOB_QUEUE_SIZE": "1"})
    yield name
    hosting.delete(name)


def test_refusal_of_the_model_is_a_model_error(hosting: Hosting, endpoint: str) -> None:
    """A 4xx of the container reaches the caller as 424 with the original status and message.

    Source: SageMaker API reference (runtime), InvokeEndpoint.
    """
    response = _refused(hosting, endpoint, b"refuse this")

    assert response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert response["OriginalStatusCode"] == 415
    assert response["OriginalMessage"].startswith("not an image\n")
    assert response["Error"]["Message"].startswith('Received client error (415) from primary with message "not an')
    assert f"/aws/sagemaker/Endpoints/{endpoint} in account 123456789012" in response["Error"]["Message"]
    assert response["LogStreamArn"].endswith(f":log-group:/aws/sagemaker/Endpoints/{endpoint}")


def test_failure_of_the_model_is_a_server_error(hosting: Hosting, endpoint: str) -> None:
    """An exception in the user's code is a 500 of the container.

    Source: SageMaker API reference (runtime), InvokeEndpoint.
    """
    response = _refused(hosting, endpoint, b"fail now")

    assert response["OriginalStatusCode"] == 500
    assert "Received server error (500) from primary" in response["Error"]["Message"]
    assert "out of luck" in response["OriginalMessage"]


def test_full_queues_throttle(hosting: Hosting, endpoint: str) -> None:
    """One request at work and one in the queue is all that this instance takes; it recovers at once.

    Source: SageMaker developer guide, "Custom Inference Code with Hosting Services".
    """
    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(lambda _: _code(hosting, endpoint, b"sleep 0.5"), range(6)))

    assert sorted(outcomes) == ["", "", *["ThrottlingException"] * 4]
    assert _code(hosting, endpoint, b"x") == ""


def test_callers_learn_how_long_their_request_waited(hosting: Hosting, endpoint: str) -> None:
    """The container says it in its CustomAttributes, which InvokeEndpoint hands on.

    Source: SageMaker developer guide, "Custom Inference Code with Hosting Services".
    """
    answer = hosting.invoke(endpoint)

    assert re.fullmatch(r"queue-ms=[0-9]+\.[0-9]{2}", answer["CustomAttributes"])


def test_body_over_the_limit_is_refused(hosting: Hosting, endpoint: str) -> None:
    """More than 6 MB is HTTP 413, and the next request of the client works.

    Source: SageMaker API reference (runtime), InvokeEndpoint.
    """
    response = _refused(hosting, endpoint, b"x" * (6 * 1024 * 1024 + 1))

    assert response["ResponseMetadata"]["HTTPStatusCode"] == 413
    assert "6291456" in response["Error"]["Message"]
    assert _code(hosting, endpoint, b"x" * (6 * 1024 * 1024)) == ""


def test_unknown_variant_is_refused(hosting: Hosting, endpoint: str) -> None:
    """A TargetVariant that the endpoint does not have is the caller's mistake.

    Source: SageMaker API reference (runtime), InvokeEndpoint.
    """
    with pytest.raises(ClientError, match="Variant nope") as caught:
        hosting.invoke(endpoint, TargetVariant="nope")

    assert caught.value.response["Error"]["Code"] == "ValidationError"


def test_member_without_effect_here_is_refused_by_name(hosting: Hosting, endpoint: str) -> None:
    """TargetModel belongs to multi-model endpoints, which are not carried out."""
    with pytest.raises(ClientError, match=r"InvokeEndpoint\.TargetModel"):
        hosting.invoke(endpoint, TargetModel="model.tar.gz")


def test_other_kinds_of_invocation_are_refused_by_name(hosting: Hosting, endpoint: str) -> None:
    """Streams are not carried out, and an endpoint without an AsyncInferenceConfig takes no asynchronous requests."""
    with pytest.raises(ClientError, match="InvokeEndpointWithResponseStream"):
        hosting.runtime.invoke_endpoint_with_response_stream(EndpointName=endpoint, Body=b"x")
    with pytest.raises(ClientError, match="has no AsyncInferenceConfig; use InvokeEndpoint"):
        hosting.runtime.invoke_endpoint_async(EndpointName=endpoint, InputLocation="s3://b/k")


def test_model_process_that_exits_is_a_server_error_once(hosting: Hosting, endpoint: str) -> None:
    """The request that broke the process gets an error; the next ones get a new instance.

    Source: SageMaker API reference (runtime), "Common errors".
    """
    response = _refused(hosting, endpoint, b"exit now")

    assert response["Error"]["Code"] == "ModelError"
    assert "the model process exited" in response["OriginalMessage"]
    eventually(lambda: not _code(hosting, endpoint, b"x"), 15)


def test_endpoint_without_a_running_instance_is_unavailable(hosting: Hosting) -> None:
    """While the only instance is replaced, callers are told to come again.

    Source: SageMaker API reference (runtime), "Common errors".
    """
    name = hosting.endpoint("fragile")

    _refused(hosting, name, b"exit now")
    code = _code(hosting, name, b"x")

    assert code in {"ServiceUnavailable", "ModelError"}
    hosting.delete(name)


def test_invocations_are_measured(account: RunningAccount, hosting: Hosting) -> None:
    """Counts, errors and latencies in microseconds arrive in AWS/SageMaker, percentiles included.

    Source: SageMaker developer guide, "Metrics for monitoring Amazon SageMaker AI with Amazon CloudWatch".
    """
    name = hosting.endpoint("measured")
    for body in (b"sleep 0.05", b"x", b"x", b"refuse", b"fail"):
        _code(hosting, name, body)

    assert _sum(account, name, "Invocations") == 5
    assert _sum(account, name, "InvocationsPerInstance") == 5
    assert _sum(account, name, "Invocation4XXErrors") == 1
    assert _sum(account, name, "Invocation5XXErrors") == 1
    (latency,) = _datapoints(account, name, "ModelLatency", ExtendedStatistics=["p50", "p99"])
    assert latency["Unit"] == "Microseconds"
    assert latency["ExtendedStatistics"]["p99"] >= 50_000 > latency["ExtendedStatistics"]["p50"]
    assert _datapoints(account, name, "OverheadLatency", Statistics=["Average"])
    hosting.delete(name)


def test_model_that_takes_longer_than_a_minute_is_a_model_error(bare_account: Account) -> None:
    """A container must answer within 60 seconds; the caller then gets ModelError without an original status.

    Source: SageMaker developer guide, "Custom Inference Code with Hosting Services".
    """
    asked: list[float] = []

    class Silent:
        id = "i-0"
        alive = True
        gone = False

        def invoke(self, body: bytes, headers: Any, timeout_seconds: float) -> Any:
            asked.append(timeout_seconds)
            raise TimeoutError

    class OneInstance:
        current_count = 1

        def acquire(self) -> Silent:
            return Silent()

        def release(self, instance: Silent) -> None:
            """Forget it."""

    endpoint = Endpoint(bare_account, "slow", "config")
    endpoint.status = "InService"
    endpoint.variants = {VARIANT: Variant({"VariantName": VARIANT}, OneInstance(), IMAGE, ROLE_ARN, 1.0)}  # type: ignore[arg-type]

    class OneEndpoint:
        def find(self, name: str) -> Endpoint:
            return endpoint

    runtime = Runtime(bare_account, OneEndpoint())  # type: ignore[arg-type]
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/endpoints/slow/invocations",
        "HTTP_AUTHORIZATION": "Credential=AKIA/20261121/us-east-1/sagemaker/aws4_request",
        "wsgi.input": io.BytesIO(),
    }
    started: list[Any] = []

    (body,) = runtime.middleware(lambda *_: [])(environ, lambda *answer: started.append(answer))

    answer = json.loads(body)
    assert asked == [60.0]
    assert started[0][0].startswith("424")
    assert answer["OriginalStatusCode"] == 0
    assert "timed out while waiting for a response from container primary" in answer["Message"]


def test_busy_instances_are_measured(account_at_speed: Callable[[float], RunningAccount]) -> None:
    """CPUUtilization and MemoryUtilization of each instance come each minute, in /aws/sagemaker/Endpoints.

    Source: SageMaker developer guide, "Metrics for monitoring Amazon SageMaker AI with Amazon CloudWatch".
    """
    fast = account_at_speed(120)
    hosting = Hosting(fast.client)
    name = hosting.endpoint("busy")
    dimensions = [{"Name": "EndpointName", "Value": name}, {"Name": "VariantName", "Value": VARIANT}]
    cloudwatch = fast.client("cloudwatch")

    def measured() -> set[str]:
        listed = cloudwatch.list_metrics(Namespace="/aws/sagemaker/Endpoints", Dimensions=dimensions)["Metrics"]
        return {metric["MetricName"] for metric in listed}

    eventually(lambda: measured() == {"CPUUtilization", "MemoryUtilization"}, 10)
    hosting.delete(name)


def _refused(hosting: Hosting, name: str, body: bytes) -> dict[str, Any]:
    with pytest.raises(ClientError, match="InvokeEndpoint") as caught:
        hosting.invoke(name, body)
    return dict(caught.value.response)


def _code(hosting: Hosting, name: str, body: bytes) -> str:
    try:
        hosting.invoke(name, body)["Body"].read()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def _datapoints(account: RunningAccount, name: str, metric: str, **statistics: list[str]) -> list[dict[str, Any]]:
    answer = account.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName=metric,
        Dimensions=[{"Name": "EndpointName", "Value": name}, {"Name": "VariantName", "Value": VARIANT}],
        **whole_span(),
        Period=DAY,
        **statistics,
    )
    points: list[dict[str, Any]] = answer["Datapoints"]
    return points


def _sum(account: RunningAccount, name: str, metric: str) -> float:
    return float(sum(point["Sum"] for point in _datapoints(account, name, metric, Statistics=["Sum"])))
