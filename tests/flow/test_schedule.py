"""Retraining on a schedule."""

import time

import pytest

import embedded_account
from tests.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.account]


def test_a_schedule_starts_an_execution_on_the_newest_dataset(stack, production):
    """rate(1 minute), switched on by a parameter, starts an execution that says so; switched off, it stops."""
    before = {execution["executionArn"] for execution in stack.executions()}
    stack.up(RetrainSchedule="rate(1 minute)", RetrainScheduleState="ENABLED", RetrainWhen="always")

    def scheduled() -> str | None:
        for execution in stack.executions():
            if execution["executionArn"] not in before:
                arn = execution["executionArn"]
                described = stack.client("stepfunctions").describe_execution(executionArn=arn)
                if '"schedule"' in described["input"]:
                    return str(arn)
        return None

    time.sleep(1)  # real time: the schedule is looked at each second of the clock, and counts from then
    embedded_account.advance_clock(stack.account.info, 61)
    arn = wait_for(scheduled, 90)
    stack.up(RetrainScheduleState="DISABLED", RetrainWhen="changed")

    assert stack.wait_until_ended(arn)["status"] == "SUCCEEDED"
