"""The account plays one region: what is asked of another is refused, as there is nothing of it there on AWS either."""

import uuid
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from embedded_account.iam.actions import TABLE
from embedded_account.pytest_plugin import RunningAccount
from support.raw import send

pytestmark = pytest.mark.account

_ELSEWHERE = "eu-west-1"
_WITHOUT_REGION: dict[str, tuple[str, dict[str, Any]]] = {
    "budgets": ("describe_budgets", {"AccountId": "123456789012"}),
    "iam": ("list_roles", {}),
    "s3": ("list_buckets", {}),
    "sts": ("get_caller_identity", {}),
}
_OF_THE_REGION: dict[str, tuple[str, dict[str, Any]]] = {
    "application-autoscaling": ("describe_scalable_targets", {"ServiceNamespace": "sagemaker"}),
    "cloudformation": ("list_stacks", {}),
    "cloudwatch": ("list_metrics", {}),
    "dynamodb": ("list_tables", {}),
    "events": ("list_rules", {}),
    "kms": ("list_keys", {}),
    "lambda": ("list_functions", {}),
    "logs": ("describe_log_groups", {}),
    "resourcegroupstaggingapi": ("get_resources", {}),
    "sagemaker": ("list_models", {}),
    "sagemaker-runtime": ("invoke_endpoint", {"EndpointName": "absent", "Body": b""}),
    "scheduler": ("list_schedules", {}),
    "service-quotas": ("list_service_quotas", {"ServiceCode": "lambda"}),
    "sns": ("list_topics", {}),
    "sqs": ("list_queues", {}),
    "ssm": ("describe_parameters", {}),
    "stepfunctions": ("list_state_machines", {}),
}


def test_table_has_every_service() -> None:
    """A service that is carried out is in one of these tables, or is the price list."""
    assert {*_WITHOUT_REGION, *_OF_THE_REGION, "pricing"} == {*TABLE, "s3"}


@pytest.mark.parametrize("service", _OF_THE_REGION)
def test_another_region_is_refused(account: RunningAccount, service: str) -> None:
    """The error has AWS's code and words, and names both regions and the remedy.

    Source: IAM user guide, "Troubleshoot Signature Version 4 signing", "Credential scope".
    """
    method, parameters = _OF_THE_REGION[service]
    told = "Credential should be scoped to a valid region, not 'eu-west-1'.* in us-east-1 alone: set AWS_DEFAULT_REGION"

    with pytest.raises(ClientError, match=told) as caught:
        getattr(_client(account, service), method)(**parameters)

    assert caught.value.response["Error"]["Code"] in ("InvalidSignatureException", "SignatureDoesNotMatch")


@pytest.mark.parametrize("service", _WITHOUT_REGION)
def test_service_without_a_region_answers_clients_of_any(account: RunningAccount, service: str) -> None:
    """IAM, STS, budgets and the list of buckets are the same wherever one asks."""
    method, parameters = _WITHOUT_REGION[service]

    answer = getattr(_client(account, service), method)(**parameters)

    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_prices_are_asked_where_the_price_list_is(account: RunningAccount) -> None:
    """The price list has three regions for the whole world.

    Source: Billing user guide, "Using the AWS Price List Query API", endpoints.
    """
    assert _client(account, "pricing", "eu-central-1").describe_services()["Services"]

    with pytest.raises(ClientError, match="has pricing in us-east-1 or eu-central-1 or ap-south-1 alone"):
        _client(account, "pricing").describe_services()


def test_role_made_from_another_region_is_there(account: RunningAccount) -> None:
    """IAM has one set of roles, whatever region a client of it is for."""
    name = f"anywhere-{uuid.uuid4().hex[:8]}"

    _client(account, "iam").create_role(RoleName=name, AssumeRolePolicyDocument='{"Statement": []}')

    assert account.client("iam").get_role(RoleName=name)["Role"]["RoleName"] == name


def test_client_follows_to_the_region_of_a_bucket(account: RunningAccount, bucket_elsewhere: str) -> None:
    """A client of the account's region reads and writes a bucket of another, as boto3 does on AWS."""
    s3 = account.client("s3", config=Config())

    s3.put_object(Bucket=bucket_elsewhere, Key="key", Body=b"content")

    assert s3.get_object(Bucket=bucket_elsewhere, Key="key")["Body"].read() == b"content"
    assert s3.head_bucket(Bucket=bucket_elsewhere)["BucketRegion"] == _ELSEWHERE
    assert s3.get_bucket_location(Bucket=bucket_elsewhere)["LocationConstraint"] == _ELSEWHERE


def test_bucket_of_another_region_is_redirected_to(account: RunningAccount, bucket_elsewhere: str) -> None:
    """Whoever does not follow reads where the bucket is.

    Source: Amazon S3 API reference, "Error responses", PermanentRedirect.
    """
    status, body = send(account.info, "s3", b"", method="GET", path=f"/{bucket_elsewhere}?list-type=2", headers={})

    assert status == 301
    assert b"<Code>PermanentRedirect</Code>" in body
    assert f"<Endpoint>{bucket_elsewhere}.s3.eu-west-1.amazonaws.com</Endpoint>".encode() in body


def test_url_signed_for_another_region_is_refused(account: RunningAccount, bucket_elsewhere: str) -> None:
    """A presigned URL cannot be followed elsewhere, so its error says for which region to sign.

    Source: Amazon S3 API reference, "Error responses", AuthorizationQueryParametersError.
    """
    options = {"Bucket": bucket_elsewhere, "Key": "key"}
    for_here = account.client("s3", config=Config(signature_version="s3v4"))
    for_there = _client(account, "s3")
    for_there.put_object(**options, Body=b"content")

    with pytest.raises(HTTPError, match="400") as caught:
        urlopen(for_here.generate_presigned_url("get_object", options))  # noqa: S310

    assert b"the region 'us-east-1' is wrong; expecting 'eu-west-1'" in caught.value.read()
    with urlopen(for_there.generate_presigned_url("get_object", options)) as answer:  # noqa: S310
        assert answer.read() == b"content"


@pytest.fixture(scope="module")
def bucket_elsewhere(account: RunningAccount) -> str:
    """Give the name of a bucket of another region."""
    name = f"elsewhere-{uuid.uuid4().hex[:8]}"
    _client(account, "s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": _ELSEWHERE})
    return name


def _client(account: RunningAccount, service: str, region: str = _ELSEWHERE) -> Any:
    return account.client(service, region_name=region)
