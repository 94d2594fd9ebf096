"""A running account's clock is put forward, and hours pass for whoever waits on it."""

import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from embedded_account.pytest_plugin import RunningAccount
from support.functions import Deployed, make_function
from support.queues import Queue, messages, new_queue
from support.waiting import eventually

from embedded_account import AccountError, control


@pytest.fixture
def stepped(account_at_speed: Callable[[float], RunningAccount]) -> RunningAccount:
    """Give an account of its own for tests that put the clock forward."""
    return account_at_speed(1.000001)


def test_retries_of_an_asynchronous_event_pass_at_once(stepped: RunningAccount) -> None:
    """Lambda tries a failing event again after one and after two minutes, then it goes to the dead-letter queue.

    Source: Lambda developer guide, "How Lambda handles errors and retries with asynchronous invocation".
    """
    failing = make_function(stepped, "def handler(event, context):\n    print('tried')\n    raise ValueError('no')\n")
    queue = new_queue(stepped)
    failing.client.put_function_event_invoke_config(
        FunctionName=failing.name, DestinationConfig={"OnFailure": {"Destination": queue.arn}}
    )

    failing.client.invoke(FunctionName=failing.name, InvocationType="Event", Payload=b"{}")
    for tries in (1, 2):
        eventually(partial(_has_tried, failing, tries))
        control.advance_clock(stepped.info, 121)
    (body,) = messages(stepped, queue, at_least=1)

    outcome = json.loads(body)["requestContext"]
    assert (outcome["condition"], outcome["approximateInvokeCount"]) == ("RetriesExhausted", 3)


def test_answers_are_dated_by_the_accounts_clock(stepped: RunningAccount) -> None:
    """What is measured from the Date of answers takes no second clock; a client that signs by it is let in."""
    client = stepped.client("stepfunctions")

    def date() -> datetime:
        return parsedate_to_datetime(client.list_state_machines()["ResponseMetadata"]["HTTPHeaders"]["date"])

    before = date()
    control.advance_clock(stepped.info, 22_548)

    assert timedelta(seconds=22_548) <= date() - before < timedelta(seconds=22_648)


def _has_tried(function: Deployed, tries: int) -> bool:
    return function.log().count("tried") == tries


_HELD = """
import os, time
def handler(event, context):
    while "held" in event and not os.path.exists(event["held"]):
        time.sleep(0.02)
"""


@pytest.mark.parametrize(("hours", "condition"), [(5, "Success"), (6.1, "EventAgeExceeded")])
def test_a_throttled_event_is_kept_for_six_hours(
    stepped: RunningAccount, tmp_path: Path, hours: float, condition: str
) -> None:
    """While a function has no concurrency to spare, an event for it waits, and is tried again for up to six hours.

    Source: Lambda developer guide, "How Lambda handles errors and retries with asynchronous invocation".
    """
    function = make_function(stepped, _HELD, Timeout=120)
    queue, free = new_queue(stepped), tmp_path / "free"
    destination = {"Destination": queue.arn}
    function.client.put_function_concurrency(FunctionName=function.name, ReservedConcurrentExecutions=1)
    function.client.put_function_event_invoke_config(
        FunctionName=function.name, DestinationConfig={"OnFailure": destination, "OnSuccess": destination}
    )
    with ThreadPoolExecutor(1) as pool:
        holding = pool.submit(function.invoke, {"held": str(free)})
        eventually(lambda: "START" in function.log())
        function.client.invoke(FunctionName=function.name, InvocationType="Event", Payload=b"{}")
        eventually(lambda: _sum(stepped, "Throttles", function.name) >= 1)

        control.advance_clock(stepped.info, hours * 3600)
        free.touch()
        holding.result()

    (body,) = _told_within(stepped, queue, tries=10)
    assert json.loads(body)["requestContext"]["condition"] == condition


def _sum(account: RunningAccount, metric: str, function: str) -> float:
    """Return how often a function's metric was counted so far."""
    now = datetime.fromisoformat(control.advance_clock(account.info, 0.001))
    points = account.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Lambda",
        MetricName=metric,
        Dimensions=[{"Name": "FunctionName", "Value": function}],
        StartTime=now - timedelta(minutes=10),
        EndTime=now + timedelta(minutes=10),
        Period=60,
        Statistics=["Sum"],
    )["Datapoints"]
    return float(sum(point["Sum"] for point in points))


def _told_within(account: RunningAccount, queue: Queue, tries: int) -> list[str]:
    """Return what came, the clock put forward by five minutes a try: the longest that a throttled event rests."""
    sqs = account.client("sqs")
    for _ in range(tries):
        answer = sqs.receive_message(QueueUrl=queue.url, WaitTimeSeconds=5)
        if "Messages" in answer:
            return [message["Body"] for message in answer["Messages"]]
        control.advance_clock(account.info, 301)
    return []


def test_a_schedule_fires_when_its_time_has_come(stepped: RunningAccount) -> None:
    """A schedule for every six hours fires once six hours are over.

    Source: EventBridge Scheduler user guide, "Schedule types": rate-based schedules.
    """
    queue, name = new_queue(stepped), "six-hourly"
    stepped.client("scheduler").create_schedule(
        Name=name,
        ScheduleExpression="rate(6 hours)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": queue.arn, "RoleArn": "arn:aws:iam::123456789012:role/scheduler", "Input": '"due"'},
    )
    eventually(lambda: control.advance_clock(stepped.info, 1))

    control.advance_clock(stepped.info, 6 * 3600 + 5)

    assert messages(stepped, queue, at_least=1)[0] == '"due"'
    stepped.client("scheduler").delete_schedule(Name=name)


def test_an_alarm_clears_after_a_quarter_of_an_hour(stepped: RunningAccount) -> None:
    """An alarm on one minute of missing data that counts as fine is OK again once that minute is over.

    Source: CloudWatch user guide, "Configuring how CloudWatch alarms treat missing data".
    """
    cloudwatch: Any = stepped.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName="stepped",
        Namespace="Test",
        MetricName="Stepped",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=15,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="notBreaching",
    )
    cloudwatch.set_alarm_state(AlarmName="stepped", StateValue="ALARM", StateReason="the test says so")

    control.advance_clock(stepped.info, 900)

    eventually(lambda: cloudwatch.describe_alarms(AlarmNames=["stepped"])["MetricAlarms"][0]["StateValue"] == "OK")


def test_a_message_is_seen_again_when_its_time_is_over(stepped: RunningAccount) -> None:
    """A message that was received is hidden for the visibility timeout of its queue, and then comes again.

    Source: SQS developer guide, "Amazon SQS visibility timeout".
    """
    queue, sqs = new_queue(stepped), stepped.client("sqs")
    sqs.set_queue_attributes(QueueUrl=queue.url, Attributes={"VisibilityTimeout": "43200"})
    sqs.send_message(QueueUrl=queue.url, MessageBody="again")
    seen = [message["Body"] for message in sqs.receive_message(QueueUrl=queue.url)["Messages"]]

    hidden = sqs.receive_message(QueueUrl=queue.url)
    control.advance_clock(stepped.info, 43_200)

    assert "Messages" not in hidden
    assert messages(stepped, queue, at_least=1) == seen == ["again"]


def test_time_does_not_go_back(stepped: RunningAccount) -> None:
    """The account refuses it in a sentence."""
    with pytest.raises(AccountError, match="it must be above 0"):
        control.advance_clock(stepped.info, -1)


def test_the_command_prints_the_new_time(stepped: RunningAccount) -> None:
    """`clock --advance` puts the clock forward by so many seconds."""
    command = [sys.executable, "-m", "embedded_account", "clock", "--advance", "60", "--folder", str(stepped.folder)]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("20")
