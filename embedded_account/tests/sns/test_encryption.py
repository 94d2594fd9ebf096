"""A topic with a key is published to by whoever may use the key, and by nobody else."""

import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from embedded_account.account import Account
from embedded_account.clock import Clock
from embedded_account.errors import ServiceError
from embedded_account.iam.topic_keys import TopicKeys
from embedded_account.identity import Principal
from embedded_account.kms.keys import Keys
from embedded_account.pytest_plugin import RunningAccount
from moto.sns.models import sns_backends
from support.callers import Caller, allowed
from support.queues import messages, new_queue

ROOT = {"AWS": "arn:aws:iam::123456789012:root"}
USE = ["kms:GenerateDataKey*", "kms:Decrypt"]


def new_key(account: RunningAccount, *statements: dict[str, Any]) -> str:
    """Return the ARN of a key that root rules, that whoever `statements` name may use besides."""
    ruling = {
        "Effect": "Allow",
        "Principal": ROOT,
        "Action": ["kms:Describe*", "kms:Disable*", "kms:Put*", "kms:Schedule*"],
    }
    document = {"Version": "2012-10-17", "Statement": [{**one, "Resource": "*"} for one in (ruling, *statements)]}
    return str(account.client("kms").create_key(Policy=json.dumps(document))["KeyMetadata"]["Arn"])


def new_topic(account: RunningAccount, key: str) -> str:
    """Return the ARN of a topic that `key` encrypts."""
    name = f"topic-{uuid.uuid4().hex[:8]}"
    return str(account.client("sns").create_topic(Name=name, Attributes={"KmsMasterKeyId": key})["TopicArn"])


def publisher(account: RunningAccount, *statements: dict[str, Any]) -> Any:
    """Return a client of a role that may publish, and what `statements` say."""
    return Caller(account, allowed("sns:Publish"), *statements).client("sns")


def refusal(client: Any, topic: str) -> str:
    with pytest.raises(ClientError, match="Publish operation") as refused:
        client.publish(TopicArn=topic, Message="m")
    return f"{refused.value.response['Error']['Code']}: {refused.value.response['Error']['Message']}"


def left_to_iam(**condition: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": ROOT, "Action": USE, "Condition": condition}


@pytest.mark.parametrize(
    ("given", "missing"), [("kms:Decrypt", "kms:GenerateDataKey"), ("kms:GenerateDataKey", "kms:Decrypt")]
)
def test_a_role_needs_both_actions_on_the_key(account: RunningAccount, given: str, missing: str) -> None:
    """Without either a publisher is refused by SNS's own error, which says what is missing.

    Source: SNS developer guide, "Allow a user to send messages to a topic with SSE".
    """
    topic = new_topic(account, new_key(account, left_to_iam()))

    told = refusal(publisher(account, allowed(given)), topic)
    assert told.startswith("KMSAccessDenied: ")
    assert f"not authorized to perform: {missing} on resource: arn:aws:kms:" in told
    assert publisher(account, allowed([given, missing])).publish(TopicArn=topic, Message="m")["MessageId"]


def test_the_key_must_leave_it_to_the_account(account: RunningAccount) -> None:
    """A role that may use every key, and root itself, are refused by a key whose policy does not speak of use."""
    topic = new_topic(account, new_key(account))

    assert refusal(publisher(account, allowed(USE)), topic).startswith("KMSAccessDenied: ")
    assert refusal(account.client("sns"), topic).startswith("KMSAccessDenied: ")


def test_a_key_knows_the_service_and_the_topic(account: RunningAccount) -> None:
    """Conditions on kms:ViaService and on the encryption context hold for the one topic."""
    name = f"topic-{uuid.uuid4().hex[:8]}"
    arn = f"arn:aws:sns:us-east-1:123456789012:{name}"
    via = {"StringEquals": {"kms:ViaService": "sns.us-east-1.amazonaws.com"}}
    key = new_key(account, left_to_iam(ArnLike={"kms:EncryptionContext:aws:sns:topicArn": f"{arn}*"}, **via))
    account.client("sns").create_topic(Name=name, Attributes={"KmsMasterKeyId": key})
    client = publisher(account, allowed(USE))

    assert client.publish(TopicArn=arn, Message="m")["MessageId"]
    assert refusal(client, new_topic(account, key)).startswith("KMSAccessDenied: ")


def test_a_batch_needs_the_key_too(account: RunningAccount) -> None:
    """PublishBatch is refused as Publish is."""
    topic = new_topic(account, new_key(account, left_to_iam()))

    with pytest.raises(ClientError, match="KMSAccessDenied"):
        publisher(account).publish_batch(TopicArn=topic, PublishBatchRequestEntries=[{"Id": "1", "Message": "m"}])


@pytest.mark.parametrize(
    ("operation", "code"), [("disable_key", "KMSDisabled"), ("schedule_key_deletion", "KMSInvalidState")]
)
def test_a_key_must_be_enabled(account: RunningAccount, operation: str, code: str) -> None:
    """SNS names the state of a key that it cannot use."""
    key = new_key(account, left_to_iam())
    topic = new_topic(account, key)
    getattr(account.client("kms"), operation)(KeyId=key)

    assert refusal(account.client("sns"), topic).startswith(f"{code}: ")


def test_a_key_must_exist(account: RunningAccount) -> None:
    """A topic takes any key; who publishes to it is told."""
    topic = new_topic(account, "arn:aws:kms:us-east-1:123456789012:key/gone")

    assert refusal(account.client("sns"), topic).startswith("KMSNotFound: ")


def alarms(name: str) -> dict[str, Any]:
    """Return a statement that lets CloudWatch use a key for the alarm `name`."""
    alarm = {"ArnLike": {"aws:SourceArn": f"arn:aws:cloudwatch:us-east-1:123456789012:alarm:{name}"}}
    return {"Effect": "Allow", "Principal": {"Service": "cloudwatch.amazonaws.com"}, "Action": USE, "Condition": alarm}


def test_an_alarm_publishes_with_a_key_that_lets_it(account: RunningAccount) -> None:
    """A key's policy must name CloudWatch; a condition on the alarm holds.

    Source: SNS developer guide, "Enable compatibility between event sources from AWS services and encrypted topics".
    """
    name, queue = f"alarm-{uuid.uuid4().hex[:8]}", new_queue(account)
    topic = new_topic(account, new_key(account, alarms(name)))
    sns, cloudwatch = account.client("sns"), account.client("cloudwatch")
    publish = {"Effect": "Allow", "Principal": {"Service": "cloudwatch.amazonaws.com"}, "Action": "sns:Publish"}
    send = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
    attributes = {"Policy": json.dumps({"Statement": [{**send, "Resource": queue.arn}]})}
    account.client("sqs").set_queue_attributes(QueueUrl=queue.url, Attributes=attributes)
    policy = json.dumps({"Statement": [{**publish, "Resource": topic}]})
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn)
    cloudwatch.put_metric_alarm(
        AlarmName=name, Namespace="N", MetricName=name, Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=1,
        ComparisonOperator="GreaterThanThreshold", AlarmActions=[topic],
    )  # fmt: skip

    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="test")

    (body,) = messages(account, queue, at_least=1)
    assert json.loads(json.loads(body)["Message"])["AlarmName"] == name


@pytest.mark.parametrize("key", ["of another alarm", "unnamed", "managed"])
def test_an_alarm_is_refused_by_a_key_that_does_not(tmp_path: Path, key: str) -> None:
    """Nor may any service use AWS's own key for SNS, which the account's roles may."""
    account = Account(tmp_path, "http://127.0.0.1:9", "us-east-1", Clock())
    topic = sns_backends[account.account_id][account.region].create_topic(f"topic-{uuid.uuid4().hex[:8]}")
    statements = [alarms("other")] if key == "of another alarm" else []
    policy = json.dumps({"Statement": [{**one, "Resource": "*"} for one in statements]})
    topic.kms_master_key_id = (
        "alias/aws/sns" if key == "managed" else account.singleton(Keys).create(policy, "", {}).arn
    )
    alarm = Principal("", "", "cloudwatch.amazonaws.com", "arn:aws:cloudwatch:us-east-1:123456789012:alarm:mine")

    with pytest.raises(ServiceError, match=r"cloudwatch\.amazonaws\.com") as refused:
        TopicKeys(account).require(alarm, topic.arn)
    assert refused.value.code == "KMSAccessDenied"
    account.stop()


def test_a_role_publishes_with_the_managed_key(account: RunningAccount) -> None:
    """AWS's own key for SNS lets whoever may publish."""
    assert publisher(account).publish(TopicArn=new_topic(account, "alias/aws/sns"), Message="m")["MessageId"]
