"""Names of attributes that are asked for: of a queue, and of a message."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

pytestmark = pytest.mark.account


@pytest.fixture
def queue(aws: Callable[[str], Any]) -> str:
    """Give the URL of a queue of its own."""
    return str(aws("sqs").create_queue(QueueName=f"names-{uuid.uuid4().hex[:8]}")["QueueUrl"])


@pytest.mark.parametrize("member", ["AttributeNames", "MessageSystemAttributeNames"])
def test_message_tells_how_often_it_was_received(aws: Callable[[str], Any], queue: str, member: str) -> None:
    """By the older name of the list too. Source: Amazon SQS API reference, ReceiveMessage."""
    aws("sqs").send_message(QueueUrl=queue, MessageBody="m")

    received = aws("sqs").receive_message(QueueUrl=queue, **{member: ["ApproximateReceiveCount", "SentTimestamp"]})

    attributes = received["Messages"][0]["Attributes"]
    assert (attributes["ApproximateReceiveCount"], sorted(attributes)[1:]) == ("1", ["SentTimestamp"])


def test_unknown_attribute_of_a_queue_is_refused(aws: Callable[[str], Any], queue: str) -> None:
    """In SQS's own code. Source: Amazon SQS API reference, GetQueueAttributes: InvalidAttributeName."""
    with pytest.raises(ClientError, match=r"\(InvalidAttributeName\).*Unknown Attribute"):
        aws("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["Colour"])


def test_queue_with_an_unknown_attribute_is_not_made(aws: Callable[[str], Any]) -> None:
    """The error names it. Source: Amazon SQS API reference, CreateQueue: InvalidAttributeName."""
    with pytest.raises(ClientError, match=r"\(InvalidAttributeName\).*Unknown Attribute VisibilityTimeout \."):
        aws("sqs").create_queue(QueueName="unknown", Attributes={"VisibilityTimeout ": "3"})


def test_unknown_attribute_is_not_given_to_a_queue(aws: Callable[[str], Any], queue: str) -> None:
    """The queue stays as it was. Source: Amazon SQS API reference, SetQueueAttributes: InvalidAttributeName."""
    with pytest.raises(ClientError, match=r"\(InvalidAttributeName\).*Unknown Attribute Colour\."):
        aws("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"DelaySeconds": "5", "Colour": "red"})

    attributes = aws("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["DelaySeconds"])["Attributes"]
    assert attributes == {"DelaySeconds": "0"}
