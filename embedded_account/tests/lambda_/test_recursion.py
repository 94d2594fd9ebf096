"""Functions that invoke each other in a circle."""

import json
from collections.abc import Callable

import pytest
from embedded_account.lambda_.recursion import MAX_IN_CHAIN, RecursiveError, next_trace
from support.functions import Deployed
from support.waiting import eventually

LOOP = """
import boto3
client = boto3.client("lambda")
def handler(event, context):
    client.invoke(FunctionName=context.function_name, InvocationType="Event", Payload=b"{}")
"""


def test_chain_keeps_its_root_and_counts_each_function() -> None:
    """Developer guide, invocation-recursion: the trace header carries how often each function was invoked.

    Source: Lambda developer guide, "Use Lambda recursive loop detection to prevent infinite loops".
    """
    first = next_trace("", "a")
    second = next_trace(first, "b")

    assert first.split(";")[0] == second.split(";")[0]
    assert second.count(":1") == 2


def test_a_circle_is_stopped_after_sixteen_invocations() -> None:
    """Developer guide, invocation-recursion: the seventeenth invocation of a chain is dropped, unless allowed.

    Source: Lambda developer guide, "Use Lambda recursive loop detection to prevent infinite loops".
    """
    trace = "Root=1-0-0"
    for _ in range(MAX_IN_CHAIN):
        trace = next_trace(next_trace(trace, "a"), "other") if "Lineage" not in trace else next_trace(trace, "a")

    with pytest.raises(RecursiveError, match="'a'"):
        next_trace(trace, "a")
    assert "Lineage=" in next_trace(trace, "a", is_loop_allowed=True)
    assert "Lineage=" in next_trace("nonsense;Lineage=x", "a")


def test_function_that_invokes_itself_ends(function: Callable[..., Deployed]) -> None:
    """Developer guide, invocation-recursion: after 16 runs Lambda stops the loop and tells the failure destination.

    Source: Lambda developer guide, "Use Lambda recursive loop detection to prevent infinite loops".
    """
    made = function(LOOP, Timeout=20)
    queues = made.account.client("sqs")
    url = queues.create_queue(QueueName=f"{made.name}-failed")["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:123456789012:{made.name}-failed"
    made.client.put_function_event_invoke_config(
        FunctionName=made.name, DestinationConfig={"OnFailure": {"Destination": arn}}
    )

    made.client.invoke(FunctionName=made.name, InvocationType="Event", Payload=b"{}")

    received = eventually(lambda: queues.receive_message(QueueUrl=url).get("Messages"), 30)
    assert json.loads(received[0]["Body"])["requestContext"]["condition"] == "RecursiveInvocation"
    assert made.log().count("START RequestId") == MAX_IN_CHAIN


SNS_LOOP = """
import boto3, os
client = boto3.client("sns")
def handler(event, context):
    client.publish(TopicArn=os.environ["TOPIC_ARN"], Message=event["Records"][0]["Sns"]["Message"])
"""


def test_circle_through_a_topic_ends(function: Callable[..., Deployed]) -> None:
    """SNS hands the trace header on, so Lambda sees a function that publishes to the topic which invokes it.

    Source: Lambda developer guide, "Use Lambda recursive loop detection", supported AWS services and SDKs.
    """
    made = function("def handler(event, context): pass", Timeout=20)
    sns = made.account.client("sns")
    topic = sns.create_topic(Name=made.name)["TopicArn"]
    made.client.update_function_configuration(FunctionName=made.name, Environment={"Variables": {"TOPIC_ARN": topic}})
    made.update(SNS_LOOP)
    made.client.add_permission(
        FunctionName=made.name,
        StatementId="topic",
        Action="lambda:InvokeFunction",
        Principal="sns.amazonaws.com",
        SourceArn=topic,
    )
    arn = made.client.get_function_configuration(FunctionName=made.name)["FunctionArn"]
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)

    sns.publish(TopicArn=topic, Message="round")

    eventually(lambda: made.log().count("REPORT RequestId") == MAX_IN_CHAIN, 60)
    assert made.log().count("START RequestId") == MAX_IN_CHAIN


def test_loops_may_be_allowed(function: Callable[..., Deployed]) -> None:
    """API reference, PutFunctionRecursionConfig: Terminate by default, Allow on request.

    Source: Lambda API reference, PutFunctionRecursionConfig.
    """
    made = function("def handler(event, context): pass\n")

    assert made.client.get_function_recursion_config(FunctionName=made.name)["RecursiveLoop"] == "Terminate"
    made.client.put_function_recursion_config(FunctionName=made.name, RecursiveLoop="Allow")

    assert made.client.get_function_recursion_config(FunctionName=made.name)["RecursiveLoop"] == "Allow"
