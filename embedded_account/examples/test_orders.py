"""A test suite of two tests that uses the pytest plugin's fixtures: account, aws, faults, clock.

pytest test_orders.py
"""

import pytest
from botocore.exceptions import ClientError


def test_an_order_is_kept_although_s3_was_busy(aws, faults):
    """The first try is throttled as S3 throttles, the second is carried out."""
    s3 = aws("s3")
    s3.create_bucket(Bucket="orders")
    faults.add("throttle", service="s3", operation="PutObject", count=1)

    with pytest.raises(ClientError, match="SlowDown"):
        s3.put_object(Bucket="orders", Key="1", Body=b"two lamps")
    s3.put_object(Bucket="orders", Key="1", Body=b"two lamps")

    assert s3.get_object(Bucket="orders", Key="1")["Body"].read() == b"two lamps"


def test_an_order_that_nobody_takes_comes_back(account, aws, clock):
    """A message that was received and not deleted is visible again when its time is over, on the account's clock."""
    sqs = aws("sqs")
    url = sqs.create_queue(QueueName="orders", Attributes={"VisibilityTimeout": "3600"})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="two lamps")
    assert len(sqs.receive_message(QueueUrl=url)["Messages"]) == 1
    assert "Messages" not in sqs.receive_message(QueueUrl=url)

    clock.advance(3601)

    assert [message["Body"] for message in sqs.receive_message(QueueUrl=url)["Messages"]] == ["two lamps"]
    assert account.environment()["AWS_ENDPOINT_URL"] == account.info.url
