"""handlers/aws/clients.py: every failure of an AWS call is one of our classes, chosen by code."""

import functools
from typing import Any

import pytest
from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError, ParamValidationError, ReadTimeoutError
from botocore.stub import Stubber

from handlers import aws
from handlers.aws import clients, objects
from handlers.contract import errors
from tests.handlers.environment import BUCKET

_URL = "https://sagemaker.us-east-1.amazonaws.com"


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("ThrottlingException", 400, errors.AwsThrottledError),
        ("SlowDown", 503, errors.AwsThrottledError),
        ("ResourceLimitExceeded", 400, errors.AwsThrottledError),
        ("InternalFailure", 500, errors.AwsUnavailableError),
        ("ServiceUnavailable", 503, errors.AwsUnavailableError),
        ("AccessDeniedException", 400, errors.AwsDeniedError),
        ("ExpiredTokenException", 400, errors.AwsDeniedError),
        ("ResourceInUse", 400, errors.AwsInUseError),
        ("ResourceNotFound", 400, errors.AwsNotFoundError),
        ("NoSuchKey", 404, errors.AwsNotFoundError),
        ("ConditionalCheckFailedException", 400, errors.AwsConditionError),
        ("ValidationException", 400, errors.AwsRequestError),
    ],
)
def test_client_errors_are_translated_by_code(world, code, status, expected):
    """The message names operation and code, and what to do."""
    client = aws.sns()
    with Stubber(client) as stub:
        stub.add_client_error("publish", code, "The Words. Of AWS.", http_status_code=status)

        with pytest.raises(expected, match=f"^Publish: {code}: The Words. Of AWS; ") as caught:
            client.publish(TopicArn="arn:aws:sns:us-east-1:123456789012:x", Message="x")

    assert (caught.value.code, caught.value.operation) == (code, "Publish")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ConnectTimeoutError(endpoint_url=_URL), errors.AwsUnavailableError),
        (ReadTimeoutError(endpoint_url=_URL), errors.AwsUnavailableError),
        (EndpointConnectionError(endpoint_url=_URL), errors.AwsUnavailableError),
        (ParamValidationError(report="Unknown parameter"), errors.AwsRequestError),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value.__name__,
)
def test_connection_errors_are_translated(error, expected):
    """These carry no response at all."""
    translation = clients.translated(error, "DescribeEndpoint")

    assert type(translation) is expected
    assert str(translation).startswith(f"DescribeEndpoint: {type(error).__name__}: ")


def test_clients_are_made_once(world):
    """The second call of a service meets the first one's client."""
    assert aws.s3() is aws.s3()


@pytest.mark.parametrize(("variables", "num_made"), [({}, 0), ({"AWS_LAMBDA_FUNCTION_NAME": "predict"}, 2)])
def test_clients_are_prepared_while_lambda_initialises(world, monkeypatch, variables, num_made):
    """Elsewhere importing a handler makes no client."""
    monkeypatch.setattr(clients, "_client", functools.cache(clients._client.__wrapped__))
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    aws.prepare("s3", "dynamodb")

    assert clients._client.cache_info().currsize == num_made


def test_waiting_is_bounded(world):
    """Five tries of 33 s end well before a function's 900 s."""
    config: Any = aws.s3().meta.config  # its options are set by name, which the stub leaves out

    tries = config.retries["total_max_attempts"]
    assert (config.connect_timeout + config.read_timeout) * tries < 300


def test_every_error_class_has_a_remedy():
    """A message always ends in what to do."""
    for kind in errors.AwsError.__subclasses__():
        assert clients._REMEDIES[kind]


def test_times_are_read_as_botocore_reads_them(world):
    """A listing's times, in the short way that a million of them need, are those of an answer's header."""
    world.put("file")

    listed = next(objects.list_objects(BUCKET, "file"))

    assert listed == objects.head(BUCKET, "file")
    assert listed.modified_at.endswith("+00:00")
