"""Where a queue's dead letters may go. Source: Amazon SQS developer guide, "Using dead-letter queues"."""

import json

import pytest
from botocore.exceptions import ClientError
from embedded_account.pytest_plugin import RunningAccount
from support.queues import new_queue

pytestmark = pytest.mark.account


@pytest.mark.parametrize("is_fifo", [False, True])
def test_dead_letters_of_another_kind_of_queue_are_refused(account: RunningAccount, is_fifo: bool) -> None:
    """Those of a FIFO queue go to a FIFO queue, and others to another."""
    sqs = account.client("sqs")
    queue, unlike, alike = (new_queue(account, fifo=kind) for kind in (is_fifo, not is_fifo, is_fifo))

    with pytest.raises(ClientError, match="Dead-letter queue must be same type of queue as the source") as refused:
        sqs.set_queue_attributes(QueueUrl=queue.url, Attributes={"RedrivePolicy": _policy(unlike.arn, 3)})

    assert refused.value.response["Error"]["Code"] == "InvalidParameterValue"
    sqs.set_queue_attributes(QueueUrl=queue.url, Attributes={"RedrivePolicy": _policy(alike.arn, 3)})


@pytest.mark.parametrize("count", [0, 1001, "many"])
def test_number_of_receives_has_bounds(account: RunningAccount, count: int | str) -> None:
    """From 1 to 1,000, as a number or a text."""
    sqs, dead = account.client("sqs"), new_queue(account)

    with pytest.raises(ClientError, match=f"Invalid value for maxReceiveCount: {count}, valid values are from 1"):
        sqs.create_queue(QueueName=f"bounded-{count}", Attributes={"RedrivePolicy": _policy(dead.arn, count)})

    policy = _policy(dead.arn, "1000")
    assert sqs.create_queue(QueueName=f"bounded-{count}", Attributes={"RedrivePolicy": policy})["QueueUrl"]


def _policy(arn: str, count: int | str) -> str:
    return json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": count})
