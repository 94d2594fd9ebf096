"""Queues as ears: a test hears what is delivered by letting it be delivered to a queue."""

import json
import uuid
from dataclasses import dataclass
from typing import Any

from support.waiting import eventually

_ALL_ATTRIBUTES = {"MessageAttributeNames": ["All"], "MessageSystemAttributeNames": ["All"]}


@dataclass(frozen=True)
class Queue:
    """An SQS queue of the account under test."""

    url: str
    arn: str


def new_queue(account: Any, *, fifo: bool = False) -> Queue:
    """Create a queue of a name of its own, to which rules, topics and buckets may send."""
    name = f"queue-{uuid.uuid4().hex[:12]}" + (".fifo" if fifo else "")
    arn = f"arn:aws:sqs:us-east-1:123456789012:{name}"
    services = [f"{service}.amazonaws.com" for service in ("events", "s3", "sns")]
    statement = {"Effect": "Allow", "Principal": {"Service": services}, "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    kind = {"FifoQueue": "true", "ContentBasedDeduplication": "true"} if fifo else {}
    url = account.client("sqs").create_queue(QueueName=name, Attributes={"Policy": policy} | kind)["QueueUrl"]
    return Queue(url, arn)


def messages(account: Any, queue: Queue, *, at_least: int, seconds: float = 60.0) -> list[str]:
    """Return the bodies that arrived, once there are `at_least` so many; fail when they do not come."""
    return [message["Body"] for message in raw_messages(account, queue, at_least=at_least, seconds=seconds)]


def raw_messages(account: Any, queue: Queue, *, at_least: int, seconds: float = 60.0) -> list[dict[str, Any]]:
    """Return the messages themselves, with their attributes."""
    sqs = account.client("sqs")
    received: list[dict[str, Any]] = []

    def have_come() -> bool:
        answer = sqs.receive_message(QueueUrl=queue.url, MaxNumberOfMessages=10, **_ALL_ATTRIBUTES)
        for message in answer.get("Messages", []):
            sqs.delete_message(QueueUrl=queue.url, ReceiptHandle=message["ReceiptHandle"])  # on a fast clock it is soon
            received.append(message)  # visible again
        return len(received) >= at_least

    eventually(have_come, seconds, f"{at_least} messages")
    return received
