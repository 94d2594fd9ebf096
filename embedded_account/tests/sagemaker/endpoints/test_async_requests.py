"""Asynchronous inference: a request waits, and what becomes of it is found in S3 and told by a topic.

Source: SageMaker developer guide, "Asynchronous inference"; SageMaker Runtime API reference, InvokeEndpointAsync.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError
from embedded_account.pytest_plugin import RunningAccount
from support.hosted import BUCKET, VARIANT, Hosting
from support.queues import Queue, messages, new_queue
from support.waiting import eventually

_SDK = Path(__file__).parents[2] / "support" / "async_session.py"
_SDK_CONFIG = """
SchemaVersion: "1.0"
SageMaker: {PythonSDK: {Modules: {TelemetryOptOut: true}}}
"""
# Answers with the most requests that were at work at one time.
_COUNTER = """
import threading, time
lock, busy, most = threading.Lock(), 0, 0

def model_fn(model_dir):
    return None

def input_fn(body, content_type):
    return body

def predict_fn(data, model):
    global busy, most
    with lock:
        busy += 1
        most = max(most, busy)
    time.sleep(0.2)
    with lock:
        busy -= 1
    return str(most)

def output_fn(prediction, accept):
    return prediction, "text/plain"
"""


@pytest.fixture(scope="module")
def hosting(fast: RunningAccount) -> Hosting:
    """Make endpoints in that account."""
    return Hosting(fast.client)


@pytest.fixture(scope="module")
def topics(fast: RunningAccount) -> dict[str, tuple[str, Queue]]:
    """Give a topic for each outcome, and the queue that hears it."""
    made = {}
    for member in ("SuccessTopic", "ErrorTopic"):
        sns, queue = fast.client("sns"), new_queue(fast)
        arn = sns.create_topic(Name=f"{member}-{uuid4().hex[:8]}")["TopicArn"]
        raw = {"RawMessageDelivery": "true"}
        sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue.arn, Attributes=raw)
        made[member] = (arn, queue)
    return made


@pytest.fixture(scope="module")
def endpoint(hosting: Hosting, topics: dict[str, tuple[str, Queue]]) -> Iterator[str]:
    """Give an asynchronous endpoint that tells of success and failure."""
    name = _endpoint(hosting, "later", {member: arn for member, (arn, _) in topics.items()})
    yield name
    hosting.delete(name)


def _endpoint(hosting: Hosting, model_name: str, topics: dict[str, str], **options: Any) -> str:
    client: dict[str, Any] = options.pop("client", {})
    model = hosting.config(model_name, **options)
    output = {"S3OutputPath": f"s3://{BUCKET}/answers", "S3FailurePath": f"s3://{BUCKET}/failures"}
    config = {"OutputConfig": output | ({"NotificationConfig": topics} if topics else {})}
    name = f"async-{uuid4().hex[:8]}"
    variant = {"VariantName": VARIANT, "ModelName": model, "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    hosting.sagemaker.create_endpoint_config(
        EndpointConfigName=name, ProductionVariants=[variant], AsyncInferenceConfig=config | client
    )
    hosting.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    assert hosting.settled(name)["EndpointStatus"] == "InService"
    return name


def _put(hosting: Hosting, body: bytes) -> str:
    key = f"asked/{uuid4().hex}"
    hosting.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    return f"s3://{BUCKET}/{key}"


def _ask(hosting: Hosting, endpoint: str, body: bytes, **members: Any) -> dict[str, Any]:
    answer: dict[str, Any] = hosting.runtime.invoke_endpoint_async(
        EndpointName=endpoint, InputLocation=_put(hosting, body), ContentType="image/jpeg", **members
    )
    return answer


def _content(hosting: Hosting, uri: str) -> bytes:
    """Return what is at `uri`, once it is there."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")

    def content() -> bytes:
        try:
            return bytes(hosting.s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        except ClientError:
            return b""

    return eventually(content, 60, f"an object at {uri}")


def test_answer_lands_where_the_caller_was_told(
    fast: RunningAccount, hosting: Hosting, endpoint: str, topics: dict[str, tuple[str, Queue]]
) -> None:
    """The model gets the object, its answer is at OutputLocation, and the topic for success hears of it."""
    asked = _ask(hosting, endpoint, b"abc", Accept="application/json", InferenceId=f"id-{uuid4().hex[:8]}")

    answer = json.loads(_content(hosting, asked["OutputLocation"]))
    assert (answer["model"], answer["bytes"]) == ("later", 3)
    assert asked["ResponseMetadata"]["HTTPStatusCode"] == 202
    told = [json.loads(body) for body in messages(fast, topics["SuccessTopic"][1], at_least=1)]
    (message,) = [each for each in told if each["inferenceId"] == asked["InferenceId"]]
    assert message["invocationStatus"] == "Completed"
    assert message["requestParameters"]["endpointName"] == endpoint
    assert message["responseParameters"]["outputLocation"] == asked["OutputLocation"]
    assert message["eventName"] == "InferenceResult"


def test_predictor_of_the_sdk_waits_for_its_answer(fast: RunningAccount, endpoint: str, tmp_path: Path) -> None:
    """AsyncPredictor.predict, predict_async and get_result find the answers in S3."""
    (tmp_path / "config.yaml").write_text(_SDK_CONFIG)
    settings = {"SAGEMAKER_USER_CONFIG_OVERRIDE": str(tmp_path / "config.yaml"), "SAGEMAKER_SUPPRESS_V2_WARNING": "1"}

    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(_SDK), endpoint, BUCKET],
        env=fast.environment() | settings,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )

    assert done.returncode == 0, done.stderr[-4000:]
    assert [answer["bytes"] for answer in json.loads(done.stdout.splitlines()[-1])] == [4, 4]


def test_failure_lands_where_the_caller_was_told(
    fast: RunningAccount, hosting: Hosting, endpoint: str, topics: dict[str, tuple[str, Queue]]
) -> None:
    """What the model refuses is at FailureLocation, and the topic for errors hears of it."""
    asked = _ask(hosting, endpoint, b"refuse it")

    assert b"Received client error (415)" in _content(hosting, asked["FailureLocation"])
    told = [json.loads(body) for body in messages(fast, topics["ErrorTopic"][1], at_least=1)]
    (message,) = [each for each in told if each["inferenceId"] == asked["InferenceId"]]
    assert message["invocationStatus"] == "Failed"
    assert "not an image" in message["failureReason"]


def test_input_that_is_not_there_is_a_failure(hosting: Hosting, endpoint: str) -> None:
    """The request was taken; that its object is missing is found when it is read."""
    asked = hosting.runtime.invoke_endpoint_async(EndpointName=endpoint, InputLocation=f"s3://{BUCKET}/nothing")

    assert b"there is none" in _content(hosting, asked["FailureLocation"])


def test_small_input_comes_with_the_request(hosting: Hosting, endpoint: str) -> None:
    """A Body stands for an object, and the output has the name and the place that were asked for."""
    asked = hosting.runtime.invoke_endpoint_async(
        EndpointName=endpoint, Body=b"four", S3OutputPathExtension="today", Filename=f"{uuid4().hex[:8]}.json"
    )

    assert asked["OutputLocation"].startswith(f"s3://{BUCKET}/answers/today/")
    assert json.loads(_content(hosting, asked["OutputLocation"]))["bytes"] == 4


def test_instance_works_on_as_many_as_it_may(hosting: Hosting) -> None:
    """MaxConcurrentInvocationsPerInstance bounds what is sent to an instance; the rest waits."""
    client = {"ClientConfig": {"MaxConcurrentInvocationsPerInstance": 1}}
    endpoint = _endpoint(hosting, "counter", {}, inference=_COUNTER, client=client)

    asked = [_ask(hosting, endpoint, b"x")["OutputLocation"] for _ in range(3)]

    assert [_content(hosting, uri) for uri in asked] == [b"1", b"1", b"1"]
    hosting.delete(endpoint)


def test_configuration_is_described(hosting: Hosting, endpoint: str) -> None:
    """Of the endpoint and of its configuration."""
    described = hosting.sagemaker.describe_endpoint(EndpointName=endpoint)
    config = hosting.sagemaker.describe_endpoint_config(EndpointConfigName=endpoint)

    assert described["AsyncInferenceConfig"] == config["AsyncInferenceConfig"]
    assert config["AsyncInferenceConfig"]["OutputConfig"]["S3OutputPath"] == f"s3://{BUCKET}/answers"


def test_metrics_are_those_of_asynchronous_endpoints(fast: RunningAccount, hosting: Hosting, endpoint: str) -> None:
    """The backlog is told each minute, what was processed is counted, and Invocations are not."""
    _content(hosting, _ask(hosting, endpoint, b"x")["OutputLocation"])

    def names() -> set[str]:
        dimensions = [{"Name": "EndpointName", "Value": endpoint}]
        listed = fast.client("cloudwatch").list_metrics(Namespace="AWS/SageMaker", Dimensions=dimensions)["Metrics"]
        return {metric["MetricName"] for metric in listed}

    eventually(lambda: {"ApproximateBacklogSize", "InvocationsProcessed", "TimeInBacklog"} <= names(), 30, "metrics")
    assert "Invocations" not in names()


def test_backlog_counts_what_waits(fast: RunningAccount, hosting: Hosting) -> None:
    """Requests that wait and that are at work make ApproximateBacklogSize, by which an endpoint is scaled."""
    client = {"ClientConfig": {"MaxConcurrentInvocationsPerInstance": 1}}
    endpoint = _endpoint(hosting, "busy", {}, client=client)
    for _ in range(3):
        _ask(hosting, endpoint, b"sleep 2")

    def largest() -> float:
        now = datetime.now(UTC)
        answer = fast.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/SageMaker",
            MetricName="ApproximateBacklogSize",
            Dimensions=[{"Name": "EndpointName", "Value": endpoint}],
            StartTime=now - timedelta(hours=1),
            EndTime=now + timedelta(days=30),
            Period=3600,
            Statistics=["Maximum"],
        )
        return max((float(point["Maximum"]) for point in answer["Datapoints"]), default=0.0)

    eventually(lambda: largest() >= 2, 30, "a backlog")
    hosting.delete(endpoint)


def test_each_kind_of_endpoint_has_its_own_operation(hosting: Hosting, endpoint: str) -> None:
    """An asynchronous endpoint answers nobody at once."""
    with pytest.raises(ClientError, match="use InvokeEndpointAsync"):
        hosting.invoke(endpoint)


@pytest.mark.parametrize(
    ("members", "refusal"),
    [
        ({}, "needs either InputLocation or Body"),
        ({"InputLocation": f"s3://{BUCKET}/a", "Body": b"x"}, "needs either InputLocation or Body"),
    ],
)
def test_request_that_says_too_little_is_refused(
    hosting: Hosting, endpoint: str, members: dict[str, Any], refusal: str
) -> None:
    """Before it waits."""
    with pytest.raises(ClientError, match=refusal):
        hosting.runtime.invoke_endpoint_async(EndpointName=endpoint, **members)


@pytest.mark.parametrize(
    ("output", "refusal"),
    [
        ({"KmsKeyId": "key"}, r"OutputConfig\.KmsKeyId"),
        ({"S3FailurePath": f"s3://{BUCKET}/failures"}, "without S3OutputPath"),
        (
            {"NotificationConfig": {"IncludeInferenceResponseIn": ["SUCCESS_NOTIFICATION_TOPIC"]}},
            r"NotificationConfig\.IncludeInferenceResponseIn",
        ),
    ],
)
def test_what_is_not_carried_out_is_refused_by_name(hosting: Hosting, output: dict[str, Any], refusal: str) -> None:
    """A configuration that asks for it is not made."""
    variant = {"VariantName": VARIANT, "ModelName": "m", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}

    with pytest.raises(ClientError, match=refusal):
        hosting.sagemaker.create_endpoint_config(
            EndpointConfigName="refused", ProductionVariants=[variant], AsyncInferenceConfig={"OutputConfig": output}
        )
