"""Queues that feed functions."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError
from embedded_account.pytest_plugin import AccountClock, RunningAccount
from support.functions import Deployed, make_function
from support.queues import messages, new_queue
from support.stacks import Deployer
from support.waiting import eventually

PARTIAL = """
def handler(event, context):
    print("BATCH " + ",".join(sorted(record["body"] for record in event["Records"])))
    bad = [record["messageId"] for record in event["Records"] if record["body"] == "bad"]
    return {"batchItemFailures": [{"itemIdentifier": one} for one in bad]}
"""
LOGGING = """
def handler(event, context):
    print("BATCH " + ",".join(sorted(record["body"] for record in event["Records"])))
"""


def _batches(deployed: Deployed) -> list[list[str]]:
    lines = [line for line in deployed.log().splitlines() if line.startswith("BATCH ")]
    return [line.removeprefix("BATCH ").split(",") for line in lines]


def _arrived(deployed: Deployed) -> list[str]:
    return sorted(body for batch in _batches(deployed) for body in batch)


def test_failed_message_comes_again_and_is_dead_lettered(
    account: RunningAccount, function: Callable[..., Deployed], clock: AccountClock
) -> None:
    """A window gathers one batch; what is done is deleted, what is reported goes to the dead-letter queue in the end.

    Source: Lambda developer guide, "Handling errors for an SQS event source in Lambda".
    """
    sqs, dead, queue, deployed = account.client("sqs"), new_queue(account), new_queue(account), function(PARTIAL)
    redrive = json.dumps({"deadLetterTargetArn": dead.arn, "maxReceiveCount": 2})
    sqs.set_queue_attributes(QueueUrl=queue.url, Attributes={"VisibilityTimeout": "600", "RedrivePolicy": redrive})
    created = deployed.client.create_event_source_mapping(
        FunctionName=deployed.name,
        EventSourceArn=queue.arn,
        BatchSize=100,
        MaximumBatchingWindowInSeconds=1,
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )
    assert created["State"] == "Creating"

    for body in ("good", "bad", "better"):
        sqs.send_message(QueueUrl=queue.url, MessageBody=body)
    for number in (1, 2):
        eventually(lambda number=number: len(_batches(deployed)) == number, what="a batch")  # type: ignore[misc]
        clock.advance(600)

    assert messages(account, dead, at_least=1) == ["bad"]
    assert _batches(deployed) == [["bad", "better", "good"], ["bad"]]
    deployed.client.delete_event_source_mapping(UUID=created["UUID"])
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        deployed.client.get_event_source_mapping(UUID=created["UUID"])


def test_stack_feeds_a_function_in_bounded_batches(account: RunningAccount, function: Callable[..., Deployed]) -> None:
    """Three hundred messages, sent by many at once, each arrive once, in far fewer invocations than messages."""
    deployed, queue = function(LOGGING), new_queue(account)
    mapping = {
        "Type": "AWS::Lambda::EventSourceMapping",
        "Properties": {
            "FunctionName": deployed.name, "EventSourceArn": queue.arn, "BatchSize": 1000,
            "MaximumBatchingWindowInSeconds": 1, "ScalingConfig": {"MaximumConcurrency": 2},
        },
    }  # fmt: skip
    stack = Deployer(account.client)
    assert stack.up({"Resources": {"Mapping": mapping}}) == "CREATE_COMPLETE"
    listed = account.client("lambda").list_event_source_mappings(FunctionName=deployed.name)["EventSourceMappings"]
    assert [(one["State"], one["BatchSize"], one["ScalingConfig"]) for one in listed] == [
        ("Enabled", 1000, {"MaximumConcurrency": 2})
    ]

    sent = [f"{number:04}" for number in range(300)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda body: account.client("sqs").send_message(QueueUrl=queue.url, MessageBody=body), sent))

    eventually(lambda: len(_arrived(deployed)) >= len(sent), what="every message")
    assert _arrived(deployed) == sent
    assert len(_batches(deployed)) <= 12
    assert stack.down() == "DELETE_COMPLETE"
    assert not account.client("lambda").list_event_source_mappings(FunctionName=deployed.name)["EventSourceMappings"]


@pytest.mark.parametrize(
    ("settings", "refusal"),
    [
        ({"BatchSize": 11}, "greater than 0 if maximum batch size is greater than 10"),
        ({"BatchSize": 10_001, "MaximumBatchingWindowInSeconds": 1}, "'10001' at 'batchSize'"),
        ({"MaximumBatchingWindowInSeconds": 301}, "'301' at 'maximumBatchingWindowInSeconds'"),
        ({"FilterCriteria": {"Filters": [{"Pattern": "{}"}]}}, "NotImplemented.*FilterCriteria"),
        ({"EventSourceArn": "arn:aws:kinesis:us-east-1:123456789012:stream/s"}, "NotImplemented.*kinesis"),
        ({"EventSourceArn": "arn:aws:sqs:us-east-1:123456789012:none"}, "specified queue does not exist"),
    ],
)
def test_mapping_that_aws_would_refuse_is_refused(
    account: RunningAccount, function: Callable[..., Deployed], settings: dict[str, Any], refusal: str
) -> None:
    """What is not carried out is refused by its name, and nothing is kept of it."""
    deployed, queue = function(LOGGING), new_queue(account)

    with pytest.raises(ClientError, match=refusal):
        deployed.client.create_event_source_mapping(
            **{"FunctionName": deployed.name, "EventSourceArn": queue.arn, **settings}
        )

    assert not deployed.client.list_event_source_mappings(FunctionName=deployed.name)["EventSourceMappings"]


def test_function_slower_than_its_queue_hides_is_refused(
    account: RunningAccount, function: Callable[..., Deployed]
) -> None:
    """Its messages would come again while it works on them.

    Source: the answer of CreateEventSourceMapping, as users report it.
    """
    deployed, queue = function(LOGGING, Timeout=60), new_queue(account)

    with pytest.raises(ClientError, match="visibility timeout: 30 seconds is less than Function timeout: 60 seconds"):
        deployed.client.create_event_source_mapping(FunctionName=deployed.name, EventSourceArn=queue.arn)


def test_role_that_may_not_receive_is_refused(account: RunningAccount) -> None:
    """Polling is done as the function's role.

    Source: Lambda developer guide, "Creating and configuring an Amazon SQS event source mapping".
    """
    queue = new_queue(account)
    role = account.role("mute", {"Effect": "Allow", "Action": "logs:*", "Resource": "*"})
    deployed = make_function(account, LOGGING, Role=role)

    with pytest.raises(ClientError, match="does not have permissions to call ReceiveMessage on SQS"):
        deployed.client.create_event_source_mapping(FunctionName=deployed.name, EventSourceArn=queue.arn)
