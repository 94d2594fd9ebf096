"""Schedules are in groups that there are. Source: EventBridge Scheduler API reference, CreateSchedule."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

pytestmark = pytest.mark.account


def test_schedule_of_a_group_that_is_not_there_is_refused(aws: Callable[[str], Any]) -> None:
    """By the group's name; made, it takes the schedule."""
    scheduler = aws("scheduler")
    target = {"Arn": "arn:aws:sqs:us-east-1:123456789012:q", "RoleArn": "arn:aws:iam::123456789012:role/tester"}
    schedule = {
        "Name": "grouped",
        "GroupName": "night",
        "ScheduleExpression": "rate(1 day)",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": target,
    }

    with pytest.raises(ClientError, match=r"\(ResourceNotFoundException\).*Schedule group night does not exist"):
        scheduler.create_schedule(**schedule)

    scheduler.create_schedule_group(Name="night")
    assert scheduler.create_schedule(**schedule)["ScheduleArn"].endswith(":schedule/night/grouped")
