"""boto3 clients made once per environment, with bounded waiting, whose every failure is one of our own classes."""

import functools
import os
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from botocore.utils import parse_timestamp

from handlers.aws.pending import passes
from handlers.contract.errors import (
    AwsConditionError,
    AwsDeniedError,
    AwsError,
    AwsInUseError,
    AwsNotFoundError,
    AwsPendingError,
    AwsRequestError,
    AwsThrottledError,
    AwsUnavailableError,
)

if TYPE_CHECKING:
    from mypy_boto3_application_autoscaling import ApplicationAutoScalingClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_stepfunctions import SFNClient

# botocore's defaults (60 s a try) outlast a Lambda. The worst case here is 5 tries of 33 s, then an error in words.
CONFIG = Config(
    connect_timeout=3,
    read_timeout=30,
    retries={"mode": "standard", "total_max_attempts": 5},
    max_pool_connections=16,
)

# For what a run can do without: at worst half a minute a call, so that no state runs out of its time by it.
BRIEF = CONFIG.merge(Config(read_timeout=10, retries={"mode": "standard", "total_max_attempts": 2}))

_CODES: dict[type[AwsError], frozenset[str]] = {
    AwsNotFoundError: frozenset(
        {
            "404",
            "NoSuchKey",
            "NoSuchBucket",
            "NotFound",
            "ResourceNotFound",
            "ResourceNotFoundException",
            "ObjectNotFoundException",
            "ExecutionDoesNotExist",
        }
    ),
    AwsInUseError: frozenset(
        {"ResourceInUse", "ResourceInUseException", "ConflictException", "ExecutionAlreadyExists"}
    ),
    AwsUnavailableError: frozenset(
        {"InternalError", "InternalFailure", "InternalServerError", "RequestTimeout", "ServiceUnavailable"},
    ),
    AwsConditionError: frozenset({"ConditionalCheckFailedException", "PreconditionFailed", "412"}),
    AwsThrottledError: frozenset(
        {
            "Throttling",
            "ThrottlingException",
            "ThrottledException",
            "TooManyRequestsException",
            "RequestLimitExceeded",
            "ProvisionedThroughputExceededException",
            "SlowDown",
            "ResourceLimitExceeded",
        }
    ),
    AwsDeniedError: frozenset(
        {
            "403",
            "AccessDenied",
            "AccessDeniedException",
            "ExpiredToken",
            "ExpiredTokenException",
            "InvalidAccessKeyId",
            "InvalidClientTokenId",
            "SignatureDoesNotMatch",
            "UnrecognizedClientException",
        }
    ),
}
_REMEDIES: dict[type[AwsError], str] = {
    AwsNotFoundError: "check that it still exists",
    AwsPendingError: "start again in a minute; it does not exist if that persists",
    AwsInUseError: "wait until it is free, or use another name",
    AwsConditionError: "another invocation was first",
    AwsThrottledError: "raise the quota in Service Quotas, or start again later",
    AwsDeniedError: "allow the action to the function's role in template.yaml",
    AwsUnavailableError: "start again; see https://health.aws.amazon.com if it persists",
    AwsRequestError: "correct the request or the settings behind it",
}


def translated(error: Exception, operation: str) -> AwsError:
    """Return our class for a botocore error, chosen by its code and status.

    By the words of its message only where AWS has one code for what passes and what stays: handlers/aws/pending.py.
    """
    if isinstance(error, ClientError):
        answer = error.response.get("Error", {})
        code, message = answer.get("Code", "Unknown"), answer.get("Message", "")
        kind = _kind(code, error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        kind = AwsPendingError if passes(operation, code, message) else kind
    else:
        code, message = type(error).__name__, str(error)
        kind = AwsRequestError if isinstance(error, ParamValidationError) else AwsUnavailableError
    sentence = " ".join(message.split()).rstrip(".")
    return kind(f"{operation}: {code}: {sentence}; {_REMEDIES[kind]}", code=code, operation=operation)


def _kind(code: str, status: int) -> type[AwsError]:
    for kind, codes in _CODES.items():
        if code in codes:
            return kind
    return AwsUnavailableError if status >= 500 else AwsRequestError


class _Translating:
    """Mixed into every client class: botocore's exceptions leave a call as ours."""

    def _make_api_call(self, operation_name: str, api_params: dict[str, Any]) -> Any:
        try:
            return super()._make_api_call(operation_name, api_params)  # type: ignore[misc]
        except (ClientError, BotoCoreError) as error:
            raise translated(error, operation_name) from error


def _translate_errors(base_classes: list[type], **_: Any) -> None:
    base_classes.insert(0, _Translating)


def _timestamp(value: Any) -> datetime:
    """Return a time in an answer; those of S3's listings are read by Python, in a hundredth of dateutil's time."""
    if isinstance(value, str) and value.endswith("Z"):
        with suppress(ValueError):
            return datetime.fromisoformat(value)
    return parse_timestamp(value)


@functools.cache
def _session() -> boto3.Session:
    """One session for all clients, so that AWS's data files are read once."""
    core = botocore.session.Session()
    core.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_timestamp)
    session = boto3.Session(botocore_session=core)
    session.events.register("creating-client-class", _translate_errors)
    return session


@functools.cache
def _client(service: str, config: Config | None = None) -> Any:
    return _session().client(service, config=config or CONFIG)  # type: ignore[call-overload]


def prepare(*services: str) -> None:
    """Make the clients of `services` while Lambda initialises an environment: a full core, and no caller waits.

    Elsewhere a client is made at its first use.
    """
    if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
        for service in services:
            _client(service)


def forget_clients() -> None:
    """Make the next call of each service build a new client, as after a change of region or endpoint."""
    _client.cache_clear()
    _session.cache_clear()


def s3() -> "S3Client":
    return _client("s3")  # type: ignore[no-any-return]


def dynamodb() -> "DynamoDBClient":
    return _client("dynamodb")  # type: ignore[no-any-return]


def sagemaker() -> "SageMakerClient":
    return _client("sagemaker")  # type: ignore[no-any-return]


def sagemaker_briefly() -> "SageMakerClient":
    """Return a client of SageMaker that gives up soon."""
    return _client("sagemaker", BRIEF)  # type: ignore[no-any-return]


def sagemaker_runtime() -> "SageMakerRuntimeClient":
    return _client("sagemaker-runtime")  # type: ignore[no-any-return]


def sqs() -> "SQSClient":
    return _client("sqs")  # type: ignore[no-any-return]


def stepfunctions() -> "SFNClient":
    return _client("stepfunctions")  # type: ignore[no-any-return]


def autoscaling() -> "ApplicationAutoScalingClient":
    return _client("application-autoscaling")  # type: ignore[no-any-return]


def cloudwatch() -> "CloudWatchClient":
    return _client("cloudwatch")  # type: ignore[no-any-return]


def cloudwatch_logs() -> "CloudWatchLogsClient":
    return _client("logs")  # type: ignore[no-any-return]


def sns() -> "SNSClient":
    return _client("sns")  # type: ignore[no-any-return]


def is_missing(error: AwsError) -> bool:
    """Tell whether a Describe, Stop or Delete of SageMaker failed because there is nothing of that name.

    SageMaker answers ValidationException for a missing training job, model, endpoint or endpoint config, and
    ResourceNotFound for a tuning job. Names are valid here by construction, so that code has one meaning left.
    """
    return isinstance(error, AwsNotFoundError) or error.code == "ValidationException"


def may_be_done(error: AwsError) -> bool:
    """Tell whether a Create or Update of SageMaker may have been carried out all the same; a Describe then decides.

    When an answer is lost the client asks once more and meets its own request: jobs answer ResourceInUse, models,
    endpoint configs and endpoints ValidationException. When no try is answered, any of them may have been heard.
    """
    return isinstance(error, AwsInUseError | AwsUnavailableError) or error.code == "ValidationException"
