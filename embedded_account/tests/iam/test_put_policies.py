"""A policy of a resource that nobody could read is refused when it is put, so that it locks nobody out."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from embedded_account.pytest_plugin import RunningAccount
from support.functions import Deployed

pytestmark = pytest.mark.account

BAD = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Permit", "Principal": "*", "Action": "*", "Resource": "*"}]}
)
PLAIN = "def handler(event, context):\n    return 1\n"


def test_bad_policy_of_a_bucket_is_refused(account: RunningAccount) -> None:
    """The bucket stays usable. Source: Amazon S3 API reference, "Error responses": MalformedPolicy."""
    s3 = account.client("s3")
    s3.create_bucket(Bucket="ill-policed")

    with pytest.raises(ClientError, match=r"\(MalformedPolicy\).*Effect must be Allow or Deny"):
        s3.put_bucket_policy(Bucket="ill-policed", Policy=BAD)

    assert s3.list_objects_v2(Bucket="ill-policed")["KeyCount"] == 0


def test_bad_policy_of_a_queue_is_refused(account: RunningAccount) -> None:
    """The queue stays usable, made with the policy or changed to it."""
    sqs = account.client("sqs")
    url = sqs.create_queue(QueueName="ill-policed")["QueueUrl"]

    with pytest.raises(ClientError, match="Invalid value for the parameter Policy"):
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": BAD})
    with pytest.raises(ClientError, match="Invalid value for the parameter Policy"):
        sqs.create_queue(QueueName="never-made", Attributes={"Policy": BAD})

    assert sqs.send_message(QueueUrl=url, MessageBody="m")["MessageId"]


@pytest.mark.parametrize("text", ["some policy", BAD, '{"Statement": 1}'])
def test_bad_trust_policy_is_refused(account: RunningAccount, text: str) -> None:
    """A role is not made with one. Source: IAM API reference, CreateRole: MalformedPolicyDocument."""
    iam = account.client("iam")

    with pytest.raises(ClientError, match=r"\(MalformedPolicyDocument\)"):
        iam.create_role(RoleName="ill-trusted", AssumeRolePolicyDocument=text)
    with pytest.raises(ClientError, match="NoSuchEntity"):
        iam.get_role(RoleName="ill-trusted")


def test_bad_policy_of_a_topic_is_refused(account: RunningAccount) -> None:
    """The topic stays usable."""
    sns = account.client("sns")
    arn = sns.create_topic(Name="ill-policed")["TopicArn"]

    with pytest.raises(ClientError, match=r"\(InvalidParameter\).*Policy Error"):
        sns.set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=BAD)

    assert sns.publish(TopicArn=arn, Message="m")["MessageId"]


def test_root_takes_back_a_policy_that_denies_everybody(account: RunningAccount) -> None:
    """Nobody is locked out for good. Source: IAM user guide, "Tasks that require root user credentials"."""
    s3, sqs = account.client("s3"), account.client("sqs")
    s3.create_bucket(Bucket="shut")
    url = sqs.create_queue(QueueName="shut")["QueueUrl"]
    deny = {"Effect": "Deny", "Principal": "*"}
    of_bucket = [deny | {"Action": "s3:*", "Resource": ["arn:aws:s3:::shut", "arn:aws:s3:::shut/*"]}]
    s3.put_bucket_policy(Bucket="shut", Policy=json.dumps({"Version": "2012-10-17", "Statement": of_bucket}))
    of_queue = {"Version": "2012-10-17", "Statement": [deny | {"Action": "sqs:*", "Resource": "*"}]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(of_queue)})
    with pytest.raises(ClientError, match="explicit deny"):
        s3.put_object(Bucket="shut", Key="k", Body=b"")

    s3.delete_bucket_policy(Bucket="shut")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})

    s3.put_object(Bucket="shut", Key="k", Body=b"")
    sqs.send_message(QueueUrl=url, MessageBody="m")


@pytest.mark.parametrize(
    ("principal", "kept"),
    [
        ("123456789012", {"AWS": "arn:aws:iam::123456789012:root"}),
        ("arn:aws:iam::123456789012:role/tester", {"AWS": "arn:aws:iam::123456789012:role/tester"}),
        ("arn:aws:iam::123456789012:root", {"AWS": "arn:aws:iam::123456789012:root"}),
        ("events.amazonaws.com", {"Service": "events.amazonaws.com"}),
        ("*", "*"),
    ],
)
def test_permission_of_any_principal_leaves_the_function_open(
    function: Callable[..., Deployed], principal: str, kept: Any
) -> None:
    """AddPermission keeps the principal in the form of a policy, and whoever could invoke still can.

    Source: Lambda developer guide, "Granting Lambda function access to other accounts".
    """
    made = function(PLAIN)
    client, name = made.client, made.name

    client.add_permission(FunctionName=name, StatementId="s", Action="lambda:InvokeFunction", Principal=principal)

    statement = json.loads(client.get_policy(FunctionName=name)["Policy"])["Statement"][0]
    assert statement["Principal"] == kept
    assert made.invoke().value == 1


def test_permission_keeps_its_conditions(function: Callable[..., Deployed]) -> None:
    """Source, account and how a URL is used become conditions that are all looked at."""
    made = function(PLAIN)
    arn = "arn:aws:events:us-east-1:123456789012:rule/r"

    added = made.client.add_permission(
        FunctionName=made.name,
        StatementId="s",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=arn,
        SourceAccount="123456789012",
    )

    condition = {"ArnLike": {"AWS:SourceArn": arn}, "StringEquals": {"AWS:SourceAccount": "123456789012"}}
    assert json.loads(added["Statement"])["Condition"] == condition


def test_permission_of_nobody_is_refused(function: Callable[..., Deployed]) -> None:
    """A text that names no principal is told so, and the function stays open."""
    made = function(PLAIN)

    with pytest.raises(ClientError, match="The provided principal was invalid"):
        made.client.add_permission(
            FunctionName=made.name, StatementId="s", Action="lambda:InvokeFunction", Principal="somebody"
        )

    assert made.invoke().value == 1
