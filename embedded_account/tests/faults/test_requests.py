"""Faults of calls, seen by an unmodified client."""

import json
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError
from embedded_account.faults.remote import Faults
from embedded_account.pytest_plugin import RunningAccount
from support.functions import Deployed

_EXPECTED = [
    # service, method, arguments, code of a throttle and its status, code of an internal error, code of an expired token
    ("s3", "list_buckets", {}, ("SlowDown", 503), "InternalError", "ExpiredToken"),
    ("sagemaker", "list_endpoints", {}, ("ThrottlingException", 400), "InternalFailure", "ExpiredTokenException"),
    ("lambda", "list_functions", {}, ("TooManyRequestsException", 429), "ServiceException", "ExpiredTokenException"),
    ("cloudformation", "list_stacks", {}, ("Throttling", 400), "InternalFailure", "ExpiredToken"),
    ("cloudwatch", "list_metrics", {}, ("Throttling", 400), "InternalFailure", "ExpiredTokenException"),
    ("dynamodb", "list_tables", {}, ("ProvisionedThroughputExceededException", 400), "InternalServerError",
     "ExpiredTokenException"),
    ("sagemaker-runtime", "invoke_endpoint", {"EndpointName": "e", "Body": b"x"}, ("ThrottlingException", 400),
     "InternalFailure", "ExpiredTokenException"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("service", "method", "arguments", "throttle", "internal", "expired"), _EXPECTED, ids=[e[0] for e in _EXPECTED]
)
def test_a_client_reads_the_errors_of_its_service(
    aws: Callable[[str], Any], faults: Faults, service: str, method: str, arguments: dict[str, Any],
    throttle: tuple[str, int], internal: str, expired: str,
) -> None:  # fmt: skip
    """Each service has a code and an HTTP status of its own for a call that comes too fast, in its own protocol."""
    operation = aws(service).meta.method_to_api_mapping[method]
    seen = {}
    for kind in ("throttle", "error", "expire-credentials"):
        with faults.during(kind, service=service, operation=operation):
            with pytest.raises(ClientError, match=operation) as caught:
                getattr(aws(service), method)(**arguments)
            assert faults.waiting() == []
        answer = caught.value.response
        seen[kind] = (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"])

    assert seen["throttle"] == throttle
    assert seen["error"] == (internal, 500)
    assert seen["expire-credentials"][0] == expired


def test_a_client_that_retries_outlasts_throttling(account: RunningAccount, faults: Faults) -> None:
    """boto3's standard mode takes SageMaker's ThrottlingException as worth another try.

    Source: the "Common errors" page of each service's API reference.
    """
    client = account.client("sagemaker", config=Config(retries={"mode": "standard", "total_max_attempts": 3}))
    fault = faults.add("throttle", service="sagemaker", operation="ListModels", count=2)

    answer = client.list_models()

    assert answer["ResponseMetadata"]["RetryAttempts"] == 2
    assert faults.happened(fault) == ["sagemaker:ListModels by root"] * 2


def test_a_dropped_call_is_not_carried_out(account: RunningAccount, faults: Faults) -> None:
    """The client sees its connection close, and the bucket does not exist."""
    name, s3 = f"dropped-{uuid.uuid4().hex[:8]}", account.client("s3")
    faults.add("drop", service="s3", operation="CreateBucket")

    with pytest.raises(ConnectionClosedError, match="Connection was closed"):
        s3.create_bucket(Bucket=name)

    assert name not in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}


def test_a_lost_answer_leaves_the_call_carried_out(aws: Callable[[str], Any], faults: Faults) -> None:
    """The client sees its connection close, and yet the object is there: why names must not depend on the try."""
    name = f"lost-{uuid.uuid4().hex[:8]}"
    aws("s3").create_bucket(Bucket=name)
    faults.add("lose-answer", service="s3", operation="PutObject")

    with pytest.raises(ConnectionClosedError, match="Connection was closed"):
        aws("s3").put_object(Bucket=name, Key="k", Body=b"x" * 10)

    assert aws("s3").get_object(Bucket=name, Key="k")["Body"].read() == b"x" * 10


def test_a_slow_call_is_carried_out_late(aws: Callable[[str], Any], faults: Faults) -> None:
    """The answer takes the seconds that were asked for."""
    faults.add("slow", service="sqs", operation="ListQueues", seconds=0.3)
    started = time.monotonic()

    aws("sqs").list_queues()

    assert time.monotonic() - started >= 0.3


def test_a_full_quota_is_refused_by_its_service(aws: Callable[[str], Any], faults: Faults) -> None:
    """SageMaker answers ResourceLimitExceeded when an account has as many jobs as it may.

    Source: SageMaker API reference, CreateEndpoint: ResourceLimitExceeded.
    """
    faults.add("quota", service="sagemaker", operation="CreateEndpoint")

    with pytest.raises(ClientError, match=r"ResourceLimitExceeded.*account-level service limit"):
        aws("sagemaker").create_endpoint(EndpointName="e", EndpointConfigName="c")


def test_a_fault_of_one_caller_spares_the_others(
    account: RunningAccount, faults: Faults, function: Callable[..., Deployed]  # noqa: F811
) -> None:  # fmt: skip
    """Only calls that are signed by a session of the function are refused, with the code that was asked for."""
    tried = function(
        """
        import boto3
        def handler(event, context):
            try:
                return boto3.client("sqs").list_queues()["ResponseMetadata"]["HTTPStatusCode"]
            except Exception as error:
                return error.response["Error"]["Code"]
        """.replace("\n        ", "\n")
    )
    faults.add("error", service="sqs", caller=tried.name, code="AccessDenied", status=403)

    assert account.client("sqs").list_queues()["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert tried.invoke().value == "AccessDenied"
    assert tried.invoke().value == 200


def test_a_caller_dies_right_after_its_second_call(
    account: RunningAccount, faults: Faults, function: Callable[..., Deployed]  # noqa: F811
) -> None:  # fmt: skip
    """The call is carried out, nothing after it is, and Lambda reports a runtime that was killed."""
    bucket = f"crash-{uuid.uuid4().hex[:8]}"
    account.client("s3").create_bucket(Bucket=bucket)
    tried = function(
        f"""
        import boto3
        s3 = boto3.client("s3")
        def handler(event, context):
            for number in range(1, 5):
                s3.put_object(Bucket="{bucket}", Key=str(number))
        """.replace("\n        ", "\n")
    )
    faults.add("crash-caller", caller=tried.name, skip=1)

    answer = tried.invoke()

    keys = [each["Key"] for each in account.client("s3").list_objects_v2(Bucket=bucket)["Contents"]]
    assert keys == ["1", "2"]
    assert answer.error == "Unhandled"
    assert answer.value["errorType"] == "Runtime.ExitError"
    assert "signal: killed" in json.dumps(answer.value)
