"""Who is refused before any service is reached can read why, whatever the protocol of the client."""

from typing import Any

import botocore.session
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from embedded_account.pytest_plugin import RunningAccount

pytestmark = pytest.mark.account


@pytest.mark.parametrize(
    ("service", "method", "name"),
    [
        ("elbv2", "describe_load_balancers", "elasticloadbalancing:DescribeLoadBalancers"),
        ("ec2", "describe_instances", "ec2:DescribeInstances"),
        ("route53", "list_hosted_zones", "route53:GET /2013-04-01/hostedzone"),
        ("secretsmanager", "list_secrets", "secretsmanager:ListSecrets"),
        ("batch", "describe_job_queues", "batch:POST /v1/describejobqueues"),
    ],
)
def test_service_that_is_not_there_is_refused_by_name(
    account: RunningAccount, service: str, method: str, name: str
) -> None:
    """A client of any protocol reads the code, the service and the operation."""
    with pytest.raises(ClientError, match=f"{name}: the embedded account does not carry this out") as caught:
        getattr(account.client(service), method)()

    assert caught.value.response["Error"]["Code"] == "NotImplemented"


@pytest.mark.parametrize(
    ("service", "method", "code"),
    [
        ("sns", "list_topics", "MissingAuthenticationToken"),
        ("cloudwatch", "describe_alarms", "MissingAuthenticationTokenException"),
        ("dynamodb", "list_tables", "MissingAuthenticationTokenException"),
        ("s3", "list_buckets", "AccessDenied"),
    ],
)
def test_unsigned_client_reads_that_it_is_not_signed(
    account: RunningAccount, service: str, method: str, code: str
) -> None:
    """The refusal has the code of the client's protocol.

    Source: "Common errors" of each API reference.
    """
    with pytest.raises(ClientError, match=code):
        getattr(_unsigned(account, service), method)()


def test_federation_is_refused_by_name(account: RunningAccount) -> None:
    """What STS lets anyone ask without a signature is told as not carried out."""
    arn = "arn:aws:iam::123456789012:role/federated"
    with pytest.raises(ClientError, match=r"\(NotImplemented\).*sts:AssumeRoleWithWebIdentity"):
        _unsigned(account, "sts").assume_role_with_web_identity(
            RoleArn=arn, RoleSessionName="session", WebIdentityToken="token"
        )


def _unsigned(account: RunningAccount, service: str) -> Any:
    session: Any = botocore.session.get_session()
    settings = Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1})
    return session.create_client(service, "us-east-1", endpoint_url=account.info.url, config=settings)
