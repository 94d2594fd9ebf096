"""Functions and buckets that somebody outside the account can use."""

import io
import json
import zipfile
from typing import Any

import pytest
from botocore.stub import Stubber

from ops.security.finding import Risk
from ops.security.openings import of_buckets, of_functions
from ops.session import Session

_EVERY: Any = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)


@pytest.fixture
def bucket(local_session: Session) -> str:
    """Give a bucket without a block of public access."""
    local_session.s3.create_bucket(Bucket=local_session.stack_name)
    local_session.s3.delete_public_access_block(Bucket=local_session.stack_name)
    return local_session.stack_name


def test_a_bucket_is_open_by_its_policy_until_a_block_closes_it(local_session: Session, bucket: str) -> None:
    """Without the block a policy could open it; with a policy it is open; with the block neither."""
    s3 = local_session.s3
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}

    (could_be,) = of_buckets(local_session, [bucket])
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    (is_open,) = of_buckets(local_session, [bucket])
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=_EVERY)

    assert (could_be.risk, is_open.risk) == (Risk.BROAD, Risk.OPEN)
    assert is_open.remedy.startswith(f"aws s3api put-public-access-block --bucket {bucket} ")
    assert of_buckets(local_session, [bucket]) == []


def test_a_bucket_that_may_not_be_looked_at_is_unknown(local_session: Session) -> None:
    """What the account does not answer is no proof that all is well."""
    (finding,) = of_buckets(local_session, [f"{local_session.stack_name}-gone"])

    assert (finding.risk, finding.seen) == (Risk.UNKNOWN, "NoSuchBucket in answer to GetPublicAccessBlock")


def test_a_function_is_open_by_a_statement_for_everybody(local_session: Session, role_arn: str) -> None:
    """It is found with the command that takes it away; a service's statement and a signed URL are no opening."""
    client, name = local_session.functions, local_session.stack_name
    client.create_function(
        FunctionName=name, Runtime="python3.12", Handler="app.handler", Role=role_arn, Code={"ZipFile": _code()}
    )
    client.create_function_url_config(FunctionName=name, AuthType="AWS_IAM")
    allowed: dict[str, Any] = {"Action": "lambda:InvokeFunction", "FunctionName": name}
    client.add_permission(**allowed, StatementId="rule", Principal="events.amazonaws.com")
    assert of_functions(local_session, [name], ["live"]) == []
    client.add_permission(**allowed, StatementId="all", Principal="*")

    (finding,) = of_functions(local_session, [name], ["live"])

    assert finding.risk is Risk.OPEN
    assert finding.remedy == f"aws lambda remove-permission --function-name {name} --statement-id all"
    client.delete_function(FunctionName=name)


def test_a_url_without_a_signature_is_open(local_session: Session) -> None:
    """AuthType NONE, which the embedded account gives to nobody, so that AWS's answer stands here."""
    arn = "arn:aws:lambda:us-east-1:123456789012:function:f:live"
    config = {
        "FunctionUrl": "https://x2y3z.lambda-url.us-east-1.on.aws/", "FunctionArn": arn, "AuthType": "NONE",
        "CreationTime": "2026-11-30T00:00:00Z", "LastModifiedTime": "2026-11-30T00:00:00Z",
    }  # fmt: skip
    with Stubber(local_session.functions) as stubber:
        for _ in range(2):
            stubber.add_client_error("get_policy", "ResourceNotFoundException")
        stubber.add_response("list_function_url_configs", {"FunctionUrlConfigs": [config]})

        (finding,) = of_functions(local_session, ["f"], ["live"])

    assert finding.risk is Risk.OPEN
    assert finding.remedy == f"aws lambda update-function-url-config --function-name {arn} --auth-type AWS_IAM"


@pytest.fixture
def role_arn(local_session: Session) -> str:
    """Give a role for a function."""
    statement = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    name = f"{local_session.stack_name}-function"
    arn: str = local_session.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    return arn


def _code() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("app.py", "def handler(event, context):\n    return event\n")
    return content.getvalue()
