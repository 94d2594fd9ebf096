"""Waits, time-outs, heartbeats and retries of executions, on a clock that is put forward."""

import itertools
import json
import re
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from embedded_account.faults.remote import Faults
from embedded_account.pytest_plugin import RunningAccount
from support.functions import Deployed, make_function
from support.waiting import eventually

from embedded_account import control

_ROLE = "arn:aws:iam::123456789012:role/pipeline"
_DAY = 86_400
_SILENT = "def handler(event, context):\n    print('token:', event['Token'], 'said')\n"
_TASK = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken", "End": True}


@pytest.fixture(scope="module")
def stepped(account_at_speed: Callable[[float], RunningAccount]) -> RunningAccount:
    """Give an account of its own for tests that put the clock forward."""
    return account_at_speed(1.000001)


@pytest.fixture(scope="module")
def silent(stepped: RunningAccount) -> Deployed:
    """Give a function that answers and sends nothing back for its token."""
    return make_function(stepped, _SILENT)


@pytest.fixture
def stepped_faults(stepped: RunningAccount) -> Iterator[Faults]:
    """Break that account on purpose."""
    remote = Faults(stepped.info)
    yield remote
    remote.clear()


class Execution:
    """An execution of a machine of its own."""

    def __init__(self, account: RunningAccount, definition: dict[str, Any]) -> None:
        self.account, self.sfn = account, account.client("stepfunctions")
        name = f"timed-{uuid.uuid4().hex[:12]}"
        machine = self.sfn.create_state_machine(name=name, definition=json.dumps(definition), roleArn=_ROLE)
        self.arn = self.sfn.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]

    def described(self) -> dict[str, Any]:
        """Return what DescribeExecution says."""
        return dict(self.sfn.describe_execution(executionArn=self.arn))

    def types(self) -> list[str]:
        """Return the types of the events so far."""
        return [event["type"] for event in self.events()]

    def events(self) -> list[dict[str, Any]]:
        """Return the events so far."""
        return list(self.sfn.get_execution_history(executionArn=self.arn, maxResults=1000)["events"])

    def reached(self, kind: str, count: int = 1) -> None:
        """Return once the history has so many events of `kind`."""
        eventually(lambda: self.types().count(kind) >= count, seconds=60)

    def pass_time(self, seconds: float) -> None:
        """Put the clock forward."""
        control.advance_clock(self.account.info, seconds)

    def ended_after(self, seconds: float) -> dict[str, Any]:
        """Put the clock forward until the execution has ended; return its description.

        Once is enough, unless a thread of the account was so late that it began to wait only then.
        """
        looks = itertools.count()

        def ended() -> dict[str, Any] | None:
            if next(looks) % 200 == 0:
                self.pass_time(seconds)
            described = self.described()
            return described if described["status"] != "RUNNING" else None

        return eventually(ended, 60, "the end")


def _waits_for_token(silent: Deployed, **members: Any) -> dict[str, Any]:
    parameters = {"FunctionName": silent.name, "Payload": {"Token.$": "$$.Task.Token"}}
    return {"StartAt": "Ask", "States": {"Ask": _TASK | {"Parameters": parameters} | members}}


def _lasted(described: dict[str, Any]) -> float:
    return float((described["stopDate"] - described["startDate"]).total_seconds())


def test_a_wait_of_a_day_is_over_when_the_day_is(stepped: RunningAccount) -> None:
    """A Wait state is over once its Seconds have passed, and not before; its dates are those of the clock.

    Source: Step Functions developer guide, "Wait workflow state".
    """
    run = Execution(stepped, {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": _DAY, "End": True}}})
    run.reached("WaitStateEntered")

    run.pass_time(_DAY - 3600)
    early = run.described()["status"]
    ended = run.ended_after(3600)

    assert (early, ended["status"]) == ("RUNNING", "SUCCEEDED")
    assert _DAY <= _lasted(ended) < 2 * _DAY


def test_a_task_whose_token_never_comes_back_times_out(stepped: RunningAccount, silent: Deployed) -> None:
    """TimeoutSeconds bounds how long a task waits for its token; States.Timeout can then be caught.

    Source: Step Functions developer guide, "Error names"; "Wait for a Callback with Task Token".
    """
    definition = _waits_for_token(
        silent, TimeoutSeconds=_DAY, Catch=[{"ErrorEquals": ["States.Timeout"], "Next": "Caught"}]
    )
    definition["States"]["Caught"] = {"Type": "Pass", "End": True}
    run = Execution(stepped, definition)
    run.reached("TaskSubmitted")

    assert run.ended_after(_DAY)["status"] == "SUCCEEDED"
    assert run.types().count("TaskTimedOut") == 1


def test_the_machines_own_timeout_ends_the_execution(stepped: RunningAccount, silent: Deployed) -> None:
    """TimeoutSeconds of the machine ends whatever runs; the status says TIMED_OUT.

    Source: Amazon States Language, top-level fields.
    """
    run = Execution(stepped, _waits_for_token(silent) | {"TimeoutSeconds": 7200})
    run.reached("TaskSubmitted")

    assert run.ended_after(7200)["status"] == "TIMED_OUT"
    run.reached("ExecutionTimedOut")


def test_heartbeats_keep_a_task_alive_and_their_end_fails_it(stepped: RunningAccount) -> None:
    """A task must hear SendTaskHeartbeat within each HeartbeatSeconds, or it fails with States.HeartbeatTimeout.

    Source: Step Functions developer guide, "Error names" and SendTaskHeartbeat.
    """
    listening = make_function(stepped, _SILENT)
    run = Execution(stepped, _waits_for_token(listening, TimeoutSeconds=_DAY, HeartbeatSeconds=600))
    run.reached("TaskSubmitted")
    (token,) = eventually(lambda: re.findall("token: (.*) said", listening.log()), seconds=60)

    for _ in range(3):
        run.pass_time(500)
        run.sfn.send_task_heartbeat(taskToken=token)
    alive = run.described()["status"]
    ended = run.ended_after(600)

    assert (alive, ended["status"], ended["error"]) == ("RUNNING", "FAILED", "States.HeartbeatTimeout")


def test_a_stopped_execution_leaves_the_token_it_waits_for(stepped: RunningAccount, silent: Deployed) -> None:
    """StopExecution ends an execution at once, whatever its state waits for; nothing of the state is retried or caught.

    Source: Step Functions API reference, StopExecution.
    """
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}]
    definition = _waits_for_token(silent, TimeoutSeconds=_DAY, Retry=[{"ErrorEquals": ["States.ALL"]}], Catch=catch)
    definition["States"]["Caught"] = {"Type": "Pass", "End": True}
    run = Execution(stepped, definition)
    run.reached("TaskSubmitted")

    run.sfn.stop_execution(executionArn=run.arn, error="Stopped", cause="by hand")

    described = run.described()
    assert (described["status"], described["error"], described["cause"]) == ("ABORTED", "Stopped", "by hand")
    assert run.types()[-1] == "ExecutionAborted"
    assert "TaskTimedOut" not in run.types()


def test_a_stopped_execution_leaves_the_wait_for_its_next_try(
    stepped: RunningAccount, stepped_faults: Faults, silent: Deployed
) -> None:
    """Between two tries it ends at once as well.

    Source: Step Functions API reference, StopExecution.
    """
    stepped_faults.add("error", service="lambda", operation="Invoke", count=100)
    retry = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": _DAY}]
    run = Execution(stepped, _waits_for_token(silent, TimeoutSeconds=_DAY, Retry=retry))
    run.reached("TaskFailed")

    run.sfn.stop_execution(executionArn=run.arn)

    assert run.described()["status"] == "ABORTED"
