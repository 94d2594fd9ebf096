"""What takes S3 a while with buckets, where the account's delays are on."""

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError
from embedded_account.faults.remote import Faults
from embedded_account.pytest_plugin import AccountClock, RunningAccount
from support.queues import messages, new_queue


def test_name_of_a_deleted_bucket_stays_taken(account: RunningAccount, faults: Faults, clock: AccountClock) -> None:
    """CreateBucket is refused for up to an hour after DeleteBucket, by a 409 that asks to try again.

    Source: Amazon S3 user guide, "Deleting a bucket"; Amazon S3 API reference, "Error responses": OperationAborted.
    """
    s3, name = account.client("s3"), f"bucket-{uuid.uuid4().hex[:12]}"
    faults.add("delay-bucket-names")
    s3.create_bucket(Bucket=name)
    s3.delete_bucket(Bucket=name)

    with pytest.raises(ClientError, match="A conflicting conditional operation is currently in progress") as caught:
        s3.create_bucket(Bucket=name)

    assert caught.value.response["Error"]["Code"] == "OperationAborted"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 409
    clock.advance(3601)
    s3.create_bucket(Bucket=name)


def test_first_events_of_a_bucket_are_lost(account: RunningAccount, faults: Faults, clock: AccountClock) -> None:
    """It takes about five minutes until a bucket's events reach EventBridge; earlier ones never come.

    Source: Amazon S3 user guide, "Enabling Amazon EventBridge".
    """
    s3, events, queue = account.client("s3"), account.client("events"), new_queue(account)
    bucket = f"bucket-{uuid.uuid4().hex[:12]}"
    on: dict[str, Any] = {"EventBridgeConfiguration": {}}
    events.put_rule(
        Name=bucket, EventPattern=json.dumps({"source": ["aws.s3"], "resources": [f"arn:aws:s3:::{bucket}"]})
    )
    events.put_targets(Rule=bucket, Targets=[{"Id": "1", "Arn": queue.arn}])
    faults.add("delay-notifications")
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=on)
    s3.put_object(Bucket=bucket, Key="lost", Body=b"")
    clock.advance(301)
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=on)

    s3.put_object(Bucket=bucket, Key="arrives", Body=b"")

    (event,) = [json.loads(body) for body in messages(account, queue, at_least=1)]
    assert event["detail"]["object"]["key"] == "arrives"
