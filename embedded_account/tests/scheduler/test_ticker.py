"""Schedules that really fire."""

import pytest
from botocore.exceptions import ClientError
from support.queues import messages, new_queue


def test_a_schedule_fires_each_period_with_its_input(account_at_speed):
    """rate(1 minute) on a clock of 60 times the speed delivers about once a second.

    Source: EventBridge Scheduler user guide, "Schedule types in EventBridge Scheduler".
    """
    account = account_at_speed(60.0)
    queue = new_queue(account)
    account.client("scheduler").create_schedule(
        Name="every-minute",
        ScheduleExpression="rate(1 minute)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": queue.arn, "RoleArn": "arn:aws:iam::123456789012:role/scheduler", "Input": '{"Sweep": true}'},
    )

    received = messages(account, queue, at_least=2)

    account.client("scheduler").delete_schedule(Name="every-minute")
    assert set(received) == {'{"Sweep": true}'}


def test_a_disabled_schedule_does_not_fire(account_at_speed):
    """Of two schedules only the enabled one delivers.

    Source: EventBridge Scheduler API reference, UpdateSchedule, State.
    """
    account = account_at_speed(60.0)
    queue = new_queue(account)
    scheduler = account.client("scheduler")
    for name, state in (("off", "DISABLED"), ("on", "ENABLED")):
        target = {"Arn": queue.arn, "RoleArn": "arn:aws:iam::123456789012:role/scheduler", "Input": f'"{name}"'}
        scheduler.create_schedule(
            Name=name,
            State=state,
            ScheduleExpression="rate(1 minute)",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target=target,
        )

    received = messages(account, queue, at_least=2)

    for name in ("off", "on"):
        scheduler.delete_schedule(Name=name)
    assert set(received) == {'"on"'}


def test_a_rule_with_a_schedule_fires(account_at_speed):
    """A scheduled rule delivers its constant input.

    Source: EventBridge user guide, "Creating a scheduled rule (legacy) in Amazon EventBridge".
    """
    account = account_at_speed(60.0)
    queue = new_queue(account)
    events = account.client("events")
    events.put_rule(Name="sweep", ScheduleExpression="rate(1 minute)")
    events.put_targets(Rule="sweep", Targets=[{"Id": "1", "Arn": queue.arn, "Input": '{"Sweep": true}'}])

    received = messages(account, queue, at_least=1)

    events.remove_targets(Rule="sweep", Ids=["1"])
    events.delete_rule(Name="sweep")
    assert received[0] == '{"Sweep": true}'


def test_an_expression_that_is_none_is_refused_at_once(aws):
    """AWS answers ValidationException at once, and so does the account.

    Source: EventBridge Scheduler user guide, "Schedule types in EventBridge Scheduler".
    """
    with pytest.raises(ClientError, match=r"ValidationException.*Invalid Schedule Expression rate"):
        aws("scheduler").create_schedule(
            Name="wrong",
            ScheduleExpression="rate(1 days)",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={
                "Arn": "arn:aws:sqs:us-east-1:123456789012:q",
                "RoleArn": "arn:aws:iam::123456789012:role/scheduler",
            },
        )
