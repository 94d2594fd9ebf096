"""Asynchronous invocation, on a clock that runs fast enough to see the retries."""

import json
import re
from typing import Any

import pytest
from botocore.exceptions import ClientError
from embedded_account.account import Account
from embedded_account.lambda_.event_config import EventConfigs
from embedded_account.pytest_plugin import RunningAccount
from support.functions import Deployed, make_function
from support.waiting import eventually

FAILING = "def handler(e, c): raise ValueError(f'cannot do {e[\"n\"]}')"
ECHO = "def handler(e, c): return e"


@pytest.fixture
def queue(fast: RunningAccount, request: pytest.FixtureRequest) -> str:
    """Give the URL of a queue of the test's own."""
    name = "".join(letter for letter in request.node.name if letter.isalnum())[:80]
    return str(fast.client("sqs").create_queue(QueueName=name)["QueueUrl"])


def arn_of(queue: str) -> str:
    """Return a queue's ARN."""
    return f"arn:aws:sqs:us-east-1:123456789012:{queue.rsplit('/', 1)[-1]}"


def receive(account: RunningAccount, queue: str) -> Any:
    """Return the one message that arrives in `queue`."""
    sqs = account.client("sqs")
    messages = eventually(
        lambda: sqs.receive_message(QueueUrl=queue, MessageAttributeNames=["All"]).get("Messages"), seconds=30
    )
    assert len(messages) == 1
    return messages[0]


def send(deployed: Deployed, event: Any, **options: str) -> str:
    """Invoke asynchronously; return the request id."""
    answer = deployed.client.invoke(
        FunctionName=deployed.name, InvocationType="Event", Payload=json.dumps(event), **options
    )
    assert answer["StatusCode"] == 202
    assert answer["Payload"].read() == b""
    return str(answer["ResponseMetadata"]["RequestId"])


def test_failing_event_is_tried_three_times_and_dead_lettered(fast: RunningAccount, queue: str) -> None:
    """One attempt and two retries under one request id; then the event itself is in the dead-letter queue.

    Source: Lambda developer guide, "How Lambda handles errors and retries with asynchronous invocation".
    """
    deployed = make_function(fast, FAILING, DeadLetterConfig={"TargetArn": arn_of(queue)}, Timeout=20)

    request_id = send(deployed, {"n": 7})

    message = receive(fast, queue)
    assert json.loads(message["Body"]) == {"n": 7}
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert attributes == {"RequestID": request_id, "ErrorCode": "200", "ErrorMessage": "cannot do 7"}
    assert deployed.log().count(f"START RequestId: {request_id}") == 3


def test_number_of_retries_and_destination_are_configured(fast: RunningAccount, queue: str) -> None:
    """Without retries the failure's record is at its destination after one attempt.

    Source: Lambda developer guide, "How Lambda handles errors and retries with asynchronous invocation".
    """
    deployed = make_function(fast, FAILING, Timeout=20)
    configured = deployed.client.put_function_event_invoke_config(
        FunctionName=deployed.name,
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": arn_of(queue)}},
    )
    assert configured["FunctionArn"].endswith(f":{deployed.name}:$LATEST")

    request_id = send(deployed, {"n": 8})

    record = json.loads(receive(fast, queue)["Body"])
    assert record["version"] == "1.0"
    assert record["requestContext"] == {
        "requestId": request_id,
        "functionArn": f"arn:aws:lambda:us-east-1:123456789012:function:{deployed.name}:$LATEST",
        "condition": "RetriesExhausted",
        "approximateInvokeCount": 1,
    }
    assert record["requestPayload"] == {"n": 8}
    assert record["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"}
    assert record["responsePayload"]["errorMessage"] == "cannot do 8"


def test_failure_is_recorded_in_a_bucket(fast: RunningAccount) -> None:
    """As an object of its own, below the function's name and the day; a bucket takes no successes.

    Source: Lambda developer guide, "Capturing records of Lambda asynchronous invocations".
    """
    deployed = make_function(fast, "def handler(event, context):\n    raise ValueError('cannot')\n", Timeout=20)
    arn, s3 = "arn:aws:s3:::records-of-failures", fast.client("s3")
    s3.create_bucket(Bucket="records-of-failures")
    deployed.client.put_function_event_invoke_config(
        FunctionName=deployed.name,
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": arn}},
    )

    request_id = send(deployed, {"n": 8})

    (key,) = eventually(
        lambda: [one["Key"] for one in s3.list_objects_v2(Bucket="records-of-failures").get("Contents", [])], seconds=20
    )
    assert re.fullmatch(rf"aws/lambda/async/{deployed.name}/\d{{4}}/\d\d/\d\d/[\dT.-]{{19}}-[\da-f-]{{36}}", key)
    record = json.loads(s3.get_object(Bucket="records-of-failures", Key=key)["Body"].read())
    assert record["requestContext"]["requestId"] == request_id
    with pytest.raises(ClientError, match=r"InvalidParameterValueException.*failures alone"):
        deployed.client.put_function_event_invoke_config(
            FunctionName=deployed.name, DestinationConfig={"OnSuccess": {"Destination": arn}}
        )


def test_success_has_a_destination_of_its_own(fast: RunningAccount, queue: str) -> None:
    """The record carries the handler's answer; the configuration of an alias holds for the alias.

    Source: Lambda developer guide, "Capturing records of Lambda asynchronous invocations".
    """
    deployed = make_function(fast, ECHO, Timeout=20)
    deployed.client.create_alias(FunctionName=deployed.name, Name="live", FunctionVersion=deployed.publish())
    deployed.client.put_function_event_invoke_config(
        FunctionName=deployed.name,
        Qualifier="live",
        DestinationConfig={"OnSuccess": {"Destination": arn_of(queue)}},
    )

    send(deployed, {"n": 0})
    send(deployed, {"n": 9}, Qualifier="live")

    record = json.loads(receive(fast, queue)["Body"])
    assert record["requestContext"]["condition"] == "Success"
    assert record["responsePayload"] == {"n": 9}
    assert record["responseContext"] == {"statusCode": 200, "executedVersion": "1"}


def test_event_that_is_throttled_waits(fast: RunningAccount, queue: str) -> None:
    """Events above the reserved concurrency are not lost: they run later.

    Source: Lambda developer guide, "How Lambda handles errors and retries with asynchronous invocation".
    """
    deployed = make_function(fast, "import time\ndef handler(e, c): time.sleep(0.3)", Timeout=20)
    deployed.client.put_function_concurrency(FunctionName=deployed.name, ReservedConcurrentExecutions=1)

    request_ids = {send(deployed, {"n": n}) for n in range(4)}

    eventually(lambda: all(f"END RequestId: {one}" in deployed.log() for one in request_ids), seconds=20)


def test_event_that_waits_beyond_its_age_fails(fast: RunningAccount, queue: str) -> None:
    """Developer guide, invocation-async-error-handling: throttled events are tried for MaximumEventAgeInSeconds.

    What is older then goes to the destination for failures, without having run.

    Source: Lambda developer guide, "How Lambda handles errors and retries with asynchronous invocation".
    """
    deployed = make_function(fast, "import time\ndef handler(e, c): time.sleep(e.get('sleep', 0))", Timeout=20)
    deployed.client.put_function_concurrency(FunctionName=deployed.name, ReservedConcurrentExecutions=1)
    deployed.client.put_function_event_invoke_config(
        FunctionName=deployed.name,
        MaximumEventAgeInSeconds=60,
        DestinationConfig={"OnFailure": {"Destination": arn_of(queue)}},
    )
    send(deployed, {"sleep": 3})
    eventually(lambda: "START" in deployed.log() or None, seconds=10)

    send(deployed, {})

    context = json.loads(receive(fast, queue)["Body"])["requestContext"]
    assert (context["condition"], context["approximateInvokeCount"]) == ("EventAgeExceeded", 0)


def test_events_wait_for_six_hours_by_default(bare_account: Account) -> None:
    """Developer guide, invocation-async-error-handling: up to 6 hours and two retries, unless configured.

    Source: Lambda developer guide, "How Lambda handles errors and retries with asynchronous invocation".
    """
    effective = EventConfigs(bare_account).effective("any", "")

    assert (effective.max_age_seconds, effective.max_retries) == (6 * 3600, 2)


def test_function_that_may_not_run_dead_letters_at_once(fast: RunningAccount, queue: str) -> None:
    """With nothing reserved there is no use in waiting.

    Source: Lambda developer guide, "Configuring reserved concurrency for a function".
    """
    deployed = make_function(fast, ECHO)
    deployed.client.put_function_concurrency(FunctionName=deployed.name, ReservedConcurrentExecutions=0)
    deployed.client.put_function_event_invoke_config(
        FunctionName=deployed.name, DestinationConfig={"OnFailure": {"Destination": arn_of(queue)}}
    )

    send(deployed, {})

    context = json.loads(receive(fast, queue)["Body"])["requestContext"]
    assert (context["condition"], context["approximateInvokeCount"]) == ("ZeroReservedConcurrency", 0)


def test_idle_environment_is_ended(fast: RunningAccount) -> None:
    """Ten minutes without an event, five seconds here, and the process is gone; the next event starts another.

    Source: Lambda developer guide, "Understanding the Lambda execution environment lifecycle".
    """
    import psutil

    deployed = make_function(fast, "import os\ndef handler(e, c): return os.getpid()", Timeout=20)
    pid = deployed.invoke().value

    eventually(lambda: not psutil.pid_exists(pid), seconds=20)

    assert deployed.invoke().value != pid


@pytest.mark.parametrize("kind", ["OnSuccess", "OnFailure"])
def test_destination_that_is_no_arn_is_refused(fast: RunningAccount, kind: str) -> None:
    """A text that is none names no service that the function's role could be asked about."""
    function = make_function(fast, "def handler(event, context):\n    return 1\n")

    with pytest.raises(ClientError, match=r"ValidationException.*pattern"):
        function.client.put_function_event_invoke_config(
            FunctionName=function.name, DestinationConfig={kind: {"Destination": "invalid"}}
        )


def test_event_invoke_config_is_updated_listed_and_deleted(fast: RunningAccount) -> None:
    """An update keeps what it does not name.

    Source: Lambda API reference, PutFunctionEventInvokeConfig.
    """
    deployed = make_function(fast, ECHO)
    client, name = deployed.client, deployed.name
    client.put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=1)
    client.update_function_event_invoke_config(FunctionName=name, MaximumEventAgeInSeconds=120)

    listed = client.list_function_event_invoke_configs(FunctionName=name)["FunctionEventInvokeConfigs"]
    assert [(one["MaximumRetryAttempts"], one["MaximumEventAgeInSeconds"]) for one in listed] == [(1, 120)]

    client.delete_function_event_invoke_config(FunctionName=name)
    with pytest.raises(client.exceptions.ResourceNotFoundException, match="doesn't have an EventInvokeConfig"):
        client.get_function_event_invoke_config(FunctionName=name)


def test_topic_invokes_its_subscribed_function(fast: RunningAccount) -> None:
    """SNS invokes asynchronously, with the message's record, once the function's policy lets the topic do so.

    Source: Lambda developer guide, "Invoking Lambda functions with Amazon SNS notifications".
    """
    deployed = make_function(fast, "def handler(e, c): print('got', e['Records'][0]['Sns'])", Timeout=20)
    sns, name = fast.client("sns"), deployed.name
    topic = sns.create_topic(Name=name)["TopicArn"]
    arn = deployed.client.get_function_configuration(FunctionName=name)["FunctionArn"]
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)

    sns.publish(TopicArn=topic, Message="unheard")
    deployed.client.add_permission(
        FunctionName=name,
        StatementId="topic",
        Action="lambda:InvokeFunction",
        Principal="sns.amazonaws.com",
        SourceArn=topic,
    )
    sns.publish(TopicArn=topic, Message="news", Subject="paper")

    eventually(lambda: "'Message': 'news'" in deployed.log())
    assert f"'TopicArn': '{topic}'" in deployed.log()
    assert "unheard" not in deployed.log()


def test_bucket_invokes_the_function_of_its_notification(fast: RunningAccount) -> None:
    """S3 invokes asynchronously, once the function's policy lets the bucket do so.

    Source: Lambda developer guide, "Process Amazon S3 event notifications with Lambda".
    """
    deployed = make_function(fast, "def handler(e, c): print('got', e['Records'][0]['s3']['object'])", Timeout=20)
    s3, name = fast.client("s3"), deployed.name
    s3.create_bucket(Bucket=name)
    arn = deployed.client.get_function_configuration(FunctionName=name)["FunctionArn"]
    notification = {"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"]}
    s3.put_bucket_notification_configuration(
        Bucket=name,
        NotificationConfiguration={"LambdaFunctionConfigurations": [notification]},
        SkipDestinationValidation=True,
    )

    s3.put_object(Bucket=name, Key="unheard", Body=b"x")
    deployed.client.add_permission(
        FunctionName=name,
        StatementId="bucket",
        Action="lambda:InvokeFunction",
        Principal="s3.amazonaws.com",
        SourceArn=f"arn:aws:s3:::{name}",
    )
    s3.put_object(Bucket=name, Key="news", Body=b"x")

    eventually(lambda: "'key': 'news'" in deployed.log())
    assert "unheard" not in deployed.log()
