"""What a topic sends reaches a queue only where the queue's policy says so."""

import json
import uuid

from embedded_account.pytest_plugin import RunningAccount
from support.queues import messages, new_queue


def test_a_queue_hears_only_a_topic_that_its_policy_names(account: RunningAccount) -> None:
    """A queue's policy must let sns.amazonaws.com send, on behalf of this topic; what it refuses is lost.

    Source: SNS developer guide, "Subscribing an Amazon SQS queue to an Amazon SNS topic", step 2.
    """
    sns, sqs, queue = account.client("sns"), account.client("sqs"), new_queue(account)
    named, other = (sns.create_topic(Name=f"topic-{uuid.uuid4().hex[:8]}")["TopicArn"] for _ in range(2))
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue.arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": named}},
    }
    sqs.set_queue_attributes(QueueUrl=queue.url, Attributes={"Policy": json.dumps({"Statement": [statement]})})
    for topic in (named, other):
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn)

    sns.publish(TopicArn=other, Message="unheard")
    sns.publish(TopicArn=named, Message="heard")

    assert [json.loads(body)["Message"] for body in messages(account, queue, at_least=1)] == ["heard"]
