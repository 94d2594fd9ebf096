"""Whom a bucket may notify.

Source: Amazon S3 user guide, "Granting permissions to publish event notification messages to a destination".
"""

import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError
from embedded_account.pytest_plugin import RunningAccount
from support.queues import new_queue

pytestmark = pytest.mark.account

EVENTS = {"Events": ["s3:ObjectCreated:*"]}


@pytest.fixture
def bucket(account: RunningAccount) -> str:
    """Give a bucket."""
    name = f"notifying-{uuid.uuid4().hex[:8]}"
    account.client("s3").create_bucket(Bucket=name)
    return name


def _of(kind: str, arn: str) -> dict[str, Any]:
    member = {"Queue": "QueueArn", "Topic": "TopicArn", "LambdaFunction": "LambdaFunctionArn"}[kind]
    return {f"{kind}Configurations": [{member: arn, **EVENTS}]}


@pytest.mark.parametrize(
    ("kind", "resource"),
    [("Queue", "sqs:{}:none"), ("Topic", "sns:{}:none"), ("LambdaFunction", "lambda:{}:function:none")],
)
def test_destination_that_is_not_there_is_refused(
    account: RunningAccount, bucket: str, kind: str, resource: str
) -> None:
    """And the bucket notifies nobody, unless the validation is skipped."""
    s3, wanted = account.client("s3"), _of(kind, f"arn:aws:{resource.format('us-east-1:123456789012')}")

    with pytest.raises(ClientError, match=r"\(InvalidArgument\).*Unable to validate the following destination"):
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=wanted)

    assert f"{kind}Configurations" not in s3.get_bucket_notification_configuration(Bucket=bucket)
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration=wanted, SkipDestinationValidation=True
    )
    assert f"{kind}Configurations" in s3.get_bucket_notification_configuration(Bucket=bucket)


def test_queue_that_does_not_let_the_bucket_send_is_refused(account: RunningAccount, bucket: str) -> None:
    """Its policy has to name S3 first."""
    s3, sqs, queue = account.client("s3"), account.client("sqs"), new_queue(account)
    policy = sqs.get_queue_attributes(QueueUrl=queue.url, AttributeNames=["Policy"])["Attributes"]["Policy"]
    sqs.set_queue_attributes(QueueUrl=queue.url, Attributes={"Policy": ""})

    with pytest.raises(ClientError, match="Unable to validate the following destination configurations"):
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=_of("Queue", queue.arn))

    sqs.set_queue_attributes(QueueUrl=queue.url, Attributes={"Policy": policy})
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=_of("Queue", queue.arn))
