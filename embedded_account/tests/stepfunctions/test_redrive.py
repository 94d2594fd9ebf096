"""Redriving. Source: Step Functions developer guide, "Restarting state machine executions with redrive"."""

import json
import uuid
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from embedded_account.errors import ServiceError
from embedded_account.pytest_plugin import RunningAccount
from embedded_account.stepfunctions.redrive import Beginning
from support.waiting import eventually

_ROLE = "arn:aws:iam::123456789012:role/pipeline"


def _ended(sfn: Any, arn: str) -> Any:
    def ended() -> Any:
        execution = sfn.describe_execution(executionArn=arn)
        return execution if execution["status"] != "RUNNING" else None

    return eventually(ended, 30)


@pytest.fixture
def failed(account: RunningAccount) -> tuple[str, str]:
    """Give an execution whose second state has failed, and the name of the parameter that it did not find."""
    name, sfn = f"parameter-{uuid.uuid4().hex[:8]}", account.client("stepfunctions")
    read = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:ssm:getParameter", "End": True}
    states = {
        "Name": {"Type": "Pass", "Result": {"Wanted": name}, "Next": "Read"},
        "Read": {**read, "Parameters": {"Name.$": "$.Wanted"}, "ResultSelector": {"Value.$": "$.Parameter.Value"}},
    }
    definition = json.dumps({"StartAt": "Name", "States": states})
    machine = sfn.create_state_machine(name=name, definition=definition, roleArn=_ROLE)["stateMachineArn"]
    arn = sfn.start_execution(stateMachineArn=machine)["executionArn"]
    assert _ended(sfn, arn)["redriveStatus"] == "REDRIVABLE"
    return arn, name


@pytest.mark.account
def test_redriven_execution_goes_on_where_it_failed(account: RunningAccount, failed: tuple[str, str]) -> None:
    """The failed state runs again with the input that it had, and no state before it; the history goes on."""
    (arn, name), sfn = failed, account.client("stepfunctions")
    before = sfn.get_execution_history(executionArn=arn)["events"]
    account.client("ssm").put_parameter(Name=name, Value="rose", Type="String")

    first, second = (sfn.redrive_execution(executionArn=arn, clientToken="once") for _ in range(2))

    execution = _ended(sfn, arn)
    events = sfn.get_execution_history(executionArn=arn)["events"]
    entered = [event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event]
    redriven = events[len(before)]
    assert first["redriveDate"] == second["redriveDate"] == execution["redriveDate"]
    assert (execution["status"], json.loads(execution["output"])) == ("SUCCEEDED", {"Value": "rose"})
    assert (execution["redriveCount"], execution["redriveStatus"]) == (1, "NOT_REDRIVABLE")
    assert (redriven["type"], redriven["executionRedrivenEventDetails"]) == ("ExecutionRedriven", {"redriveCount": 1})
    assert entered == ["Name", "Read", "Read"]
    assert [event["id"] for event in events] == list(range(1, len(events) + 1))


@pytest.mark.account
def test_execution_that_fails_again_is_redriven_again(account: RunningAccount, failed: tuple[str, str]) -> None:
    """Each redrive counts; what has succeeded is over."""
    (arn, name), sfn = failed, account.client("stepfunctions")
    sfn.redrive_execution(executionArn=arn)
    again = _ended(sfn, arn)
    account.client("ssm").put_parameter(Name=name, Value="rose", Type="String")
    sfn.redrive_execution(executionArn=arn)
    succeeded = _ended(sfn, arn)

    with pytest.raises(ClientError, match=r"ExecutionNotRedrivable.*is SUCCEEDED and cannot be redriven"):
        sfn.redrive_execution(executionArn=arn)

    assert (again["status"], again["redriveCount"], again["redriveStatus"]) == ("FAILED", 1, "REDRIVABLE")
    assert (succeeded["status"], succeeded["redriveCount"]) == ("SUCCEEDED", 2)


def test_variables_of_before_are_there_again() -> None:
    """As the states that were left have assigned them; those of an iteration are its own."""
    states = {"A": {"Type": "Pass"}, "B": {"Type": "Task"}}

    beginning = Beginning.of(
        _execution(states),
        [
            {"stateEnteredEventDetails": {"name": "A", "input": "{}"}},
            {"stateExitedEventDetails": {"name": "A", "assignedVariables": {"n": "3", "text": '"a"b"'}}},
            {"stateExitedEventDetails": {"name": "inner", "assignedVariables": {"other": "1"}}},
            {"stateEnteredEventDetails": {"name": "B", "input": '{"x": 1}'}},
        ],
    )

    assert beginning == Beginning("B", {"x": 1}, {"n": 3, "text": 'a"b'})


@pytest.mark.parametrize("kind", ["Map", "Parallel"])
def test_state_of_parts_is_refused_by_name(kind: str) -> None:
    """AWS goes on at the parts that failed; all of them again would be something else."""
    with pytest.raises(ServiceError, match=f"RedriveExecution of the {kind} state 'A'"):
        Beginning.of(_execution({"A": {"Type": kind}}), [])


def _execution(states: dict[str, Any]) -> Any:
    definition = json.dumps({"StartAt": "A", "States": states})
    return SimpleNamespace(state_machine=SimpleNamespace(definition=definition), input_data={})
