"""Events reach their targets, or their dead-letter queue."""

import json
from datetime import datetime, timedelta, timezone

import pytest
from botocore.exceptions import ClientError
from support.queues import messages, new_queue, raw_messages

_PATTERN = json.dumps({"source": ["test.delivery"]})


_ENTRY = {"Source": "test.delivery", "DetailType": "Test", "Detail": json.dumps({"a": 1})}


def _put_event(account) -> None:
    account.client("events").put_events(Entries=[_ENTRY])


def test_an_event_that_matches_reaches_the_queue(account):
    """The queue gets the event in EventBridge's form.

    Source: EventBridge user guide, "Creating Amazon EventBridge event patterns".
    """
    queue = new_queue(account)
    events = account.client("events")
    events.put_rule(Name="to-queue", EventPattern=_PATTERN)
    events.put_targets(Rule="to-queue", Targets=[{"Id": "1", "Arn": queue.arn}])

    _put_event(account)

    event = json.loads(messages(account, queue, at_least=1)[0])
    events.disable_rule(Name="to-queue")
    assert (event["source"], event["detail-type"], event["detail"]) == ("test.delivery", "Test", {"a": 1})
    assert event["time"].endswith("Z")


def test_event_has_the_time_of_its_entry(account):
    """To the second and in UTC, wherever the clock stands. Source: EventBridge API reference, PutEventsRequestEntry."""
    queue = new_queue(account)
    events = account.client("events")
    events.put_rule(Name="timed", EventPattern=_PATTERN)
    events.put_targets(Rule="timed", Targets=[{"Id": "1", "Arn": queue.arn}])
    time = datetime(2026, 1, 2, 4, 4, 5, 678000, tzinfo=timezone(timedelta(hours=1)))

    events.put_events(Entries=[_ENTRY | {"Time": time}])

    event = json.loads(messages(account, queue, at_least=1)[0])
    events.disable_rule(Name="timed")
    assert event["time"] == "2026-01-02T03:04:05Z"


@pytest.mark.parametrize("role", [{}, {"RoleArn": "arn:aws:iam::123456789012:role/tester"}])
def test_event_for_a_fifo_queue_is_of_the_targets_group(account, role):
    """The group is the target's SqsParameters, also where a role sends. Source: EventBridge API reference, Target."""
    queue = new_queue(account, fifo=True)
    events = account.client("events")
    events.put_rule(Name="to-fifo", EventPattern=_PATTERN)
    target = {"Id": "1", "Arn": queue.arn, "SqsParameters": {"MessageGroupId": "pictures"}} | role
    events.put_targets(Rule="to-fifo", Targets=[target])

    _put_event(account)

    message = raw_messages(account, queue, at_least=1)[0]
    events.disable_rule(Name="to-fifo")
    assert message["Attributes"]["MessageGroupId"] == "pictures"


def _put_numbered_events(account, count: int) -> None:
    """Put events in requests of ten, which is as many as one takes."""
    entries = [
        {"Source": "test.delivery", "DetailType": "Test", "Detail": json.dumps({"number": number})}
        for number in range(count)
    ]
    for start in range(0, count, 10):
        account.client("events").put_events(Entries=entries[start : start + 10])


def test_events_that_come_at_once_reach_the_queue_each_once(account):
    """What waits for a queue is delivered together, and nothing of it is lost or doubled."""
    queue = new_queue(account)
    events = account.client("events")
    events.put_rule(Name="many-to-queue", EventPattern=_PATTERN)
    events.put_targets(Rule="many-to-queue", Targets=[{"Id": "1", "Arn": queue.arn}])

    _put_numbered_events(account, 60)

    bodies = messages(account, queue, at_least=60)
    events.disable_rule(Name="many-to-queue")
    assert sorted(json.loads(body)["detail"]["number"] for body in bodies) == [*range(60)]


def test_events_that_a_queue_does_not_let_in_are_buried_each(account):
    """A queue whose policy lets nobody in gets none of the events that wait for it; the dead letters have them all.

    Source: EventBridge user guide, "Using resource-based policies for Amazon EventBridge", Amazon SQS permissions.
    """
    closed, dead_letters = new_queue(account), new_queue(account)
    account.client("sqs").set_queue_attributes(QueueUrl=closed.url, Attributes={"Policy": ""})
    events = account.client("events")
    events.put_rule(Name="to-closed", EventPattern=_PATTERN)
    where = {"Id": "1", "Arn": closed.arn, "DeadLetterConfig": {"Arn": dead_letters.arn}}
    events.put_targets(Rule="to-closed", Targets=[where])

    _put_numbered_events(account, 20)

    buried = raw_messages(account, dead_letters, at_least=20)
    events.disable_rule(Name="to-closed")
    assert sorted(json.loads(message["Body"])["detail"]["number"] for message in buried) == [*range(20)]
    assert {message["MessageAttributes"]["ERROR_CODE"]["StringValue"] for message in buried} == {"NO_PERMISSIONS"}


def test_an_event_for_a_lost_target_reaches_the_dead_letters(account):
    """A state machine that does not exist is not retried; the message tells why.

    Source: EventBridge user guide, "Using dead-letter queues to process undelivered events in EventBridge".
    """
    dead_letters = new_queue(account)
    target = "arn:aws:states:us-east-1:123456789012:stateMachine:no-such-machine"
    events = account.client("events")
    events.put_rule(Name="to-nothing", EventPattern=_PATTERN)
    role_arn = "arn:aws:iam::123456789012:role/tester"
    where = {"Id": "1", "Arn": target, "RoleArn": role_arn, "DeadLetterConfig": {"Arn": dead_letters.arn}}
    events.put_targets(Rule="to-nothing", Targets=[where])

    _put_event(account)

    message = raw_messages(account, dead_letters, at_least=1)[0]
    events.disable_rule(Name="to-nothing")
    assert json.loads(message["Body"])["detail"] == {"a": 1}
    assert message["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_RESOURCE"
    assert message["MessageAttributes"]["RETRY_ATTEMPTS"]["StringValue"] == "0"


def test_a_target_that_nothing_can_be_delivered_to_is_refused(aws):
    """PutTargets names the services that are carried out.

    Source: EventBridge API reference, PutTargets.
    """
    events = aws("events")
    events.put_rule(Name="to-kinesis", EventPattern=_PATTERN)

    with pytest.raises(ClientError, match=r"NotImplemented.*kinesis.*delivers to lambda, logs, sns, sqs, states only"):
        events.put_targets(
            Rule="to-kinesis", Targets=[{"Id": "1", "Arn": "arn:aws:kinesis:us-east-1:123456789012:stream/s"}]
        )
