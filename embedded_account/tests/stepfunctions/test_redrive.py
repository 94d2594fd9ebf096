"""Redriving. Source: Step Functions developer guide, "Restarting state machine executions with redrive"."""

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError
from embedded_account.pytest_plugin import RunningAccount
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


_READ = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:ssm:getParameter"}
_VALUE = {"Value.$": "$.Parameter.Value"}


def _started(account: RunningAccount, state: dict[str, Any], given: Any) -> str:
    """Return the ARN of a new execution, whose machine has one state and goes to another that adds nothing."""
    sfn, name = account.client("stepfunctions"), f"parts-{uuid.uuid4().hex[:8]}"
    states = {"All": {**state, "Next": "End"}, "End": {"Type": "Succeed"}}
    definition = json.dumps({"StartAt": "All", "States": states})
    machine = sfn.create_state_machine(name=name, definition=definition, roleArn=_ROLE)["stateMachineArn"]
    arn: str = sfn.start_execution(stateMachineArn=machine, input=json.dumps(given))["executionArn"]
    return arn


def _redriven(sfn: Any, arn: str) -> tuple[Any, list[Any]]:
    """Redrive an execution that has failed; return how it ended, and what of its history came new."""
    assert _ended(sfn, arn)["status"] == "FAILED"
    num_before = len(sfn.get_execution_history(executionArn=arn)["events"])
    sfn.redrive_execution(executionArn=arn)
    execution = _ended(sfn, arn)
    return execution, sfn.get_execution_history(executionArn=arn)["events"][num_before:]


def _read(events: list[Any]) -> list[str]:
    """Return the names of the parameters that were asked for."""
    scheduled = [event["taskScheduledEventDetails"] for event in events if "taskScheduledEventDetails" in event]
    return sorted(json.loads(details["parameters"])["Name"] for details in scheduled)


@pytest.fixture
def names(account: RunningAccount) -> list[str]:
    """Give three names, of which the second alone is no parameter's yet."""
    prefix = uuid.uuid4().hex[:8]
    made = [f"part-{prefix}-{number}" for number in range(3)]  # in this order when they are sorted
    for name in (made[0], made[2]):
        account.client("ssm").put_parameter(Name=name, Value=name, Type="String")
    return made


@pytest.mark.account
@pytest.mark.parametrize("iterations", ["ItemProcessor", "Iterator"])
def test_iterations_that_succeeded_are_not_run_again(
    account: RunningAccount, names: list[str], iterations: str
) -> None:
    """A redriven Map state runs the iteration that failed, and has the results of all in their order."""
    read = {**_READ, "Parameters": {"Name.$": "$"}, "ResultSelector": _VALUE, "End": True}
    arn = _started(
        account,
        {"Type": "Map", "MaxConcurrency": 1, iterations: {"StartAt": "Read", "States": {"Read": read}}},
        [names[0], names[2], names[1]],
    )
    sfn = account.client("stepfunctions")
    _ended(sfn, arn)
    account.client("ssm").put_parameter(Name=names[1], Value="late", Type="String")

    execution, events = _redriven(sfn, arn)

    assert [one["Value"] for one in json.loads(execution["output"])] == [names[0], names[2], "late"]
    assert (execution["status"], execution["redriveCount"], _read(events)) == ("SUCCEEDED", 1, [names[1]])
    started = [event["mapIterationStartedEventDetails"] for event in events if event["type"] == "MapIterationStarted"]
    assert started == [{"name": "All", "index": 2}]


@pytest.mark.account
def test_iterations_that_never_began_begin(account: RunningAccount, names: list[str]) -> None:
    """Behind a failure nothing more is begun; the redriven Map state begins it, with its selected item."""
    read = {**_READ, "Parameters": {"Name.$": "$.Wanted"}, "ResultSelector": _VALUE, "End": True}
    processor = {"StartAt": "Read", "States": {"Read": read}}
    state = {"Type": "Map", "MaxConcurrency": 1, "ItemProcessor": processor}
    arn = _started(account, {**state, "ItemSelector": {"Wanted.$": "$$.Map.Item.Value"}}, names)
    sfn = account.client("stepfunctions")
    _ended(sfn, arn)
    account.client("ssm").put_parameter(Name=names[1], Value="late", Type="String")

    execution, events = _redriven(sfn, arn)

    assert [one["Value"] for one in json.loads(execution["output"])] == [names[0], "late", names[2]]
    assert _read(events) == names[1:]


@pytest.mark.account
def test_branches_go_on_at_the_state_that_failed(account: RunningAccount, names: list[str]) -> None:
    """A redriven Parallel state runs the branch that failed, from the state that failed, with its variables."""
    first = {**_READ, "Parameters": {"Name": names[0]}, "ResultPath": None, "Assign": {"seen": "yes"}, "Next": "Second"}
    second = {**_READ, "Parameters": {"Name": names[1]}, "ResultSelector": _VALUE, "Next": "Told"}
    told = {"Type": "Pass", "Parameters": {"Value.$": "$.Value", "Seen.$": "$seen"}, "End": True}
    whole = {**_READ, "Parameters": {"Name": names[2]}, "ResultSelector": _VALUE, "End": True}
    branches = [
        {"StartAt": "First", "States": {"First": first, "Second": second, "Told": told}},
        {"StartAt": "Whole", "States": {"Whole": whole}},
    ]
    arn = _started(account, {"Type": "Parallel", "Branches": branches}, {})
    sfn = account.client("stepfunctions")
    _ended(sfn, arn)
    account.client("ssm").put_parameter(Name=names[1], Value="late", Type="String")

    execution, events = _redriven(sfn, arn)

    assert json.loads(execution["output"]) == [{"Value": "late", "Seen": "yes"}, {"Value": names[2]}]
    assert names[0] not in _read(events)


@pytest.mark.account
def test_second_redrive_knows_what_the_first_has_done(account: RunningAccount, names: list[str]) -> None:
    """What succeeded in any attempt is over, in a Map within a Map too."""
    read = {**_READ, "Parameters": {"Name.$": "$"}, "ResultSelector": _VALUE, "End": True}
    inner = {
        "Type": "Map",
        "MaxConcurrency": 1,
        "ItemProcessor": {"StartAt": "Read", "States": {"Read": read}},
        "End": True,
    }
    processor = {"StartAt": "Inner", "States": {"Inner": inner}}
    other = f"{names[0]}-other"
    arn = _started(
        account,
        {"Type": "Map", "MaxConcurrency": 1, "ItemProcessor": processor},
        [[names[0]], [names[2], names[1], other]],
    )
    sfn, ssm = account.client("stepfunctions"), account.client("ssm")
    _ended(sfn, arn)
    ssm.put_parameter(Name=names[1], Value="late", Type="String")
    first, first_events = _redriven(sfn, arn)
    ssm.put_parameter(Name=other, Value="later", Type="String")

    second, events = _redriven(sfn, arn)

    assert (first["status"], _read(first_events)) == ("FAILED", sorted([names[1], other]))
    outputs = [[one["Value"] for one in outer] for outer in json.loads(second["output"])]
    assert outputs == [[names[0]], [names[2], "late", "later"]]
    assert (second["redriveCount"], _read(events)) == (2, [other])


@pytest.mark.account
def test_a_retry_after_a_redrive_runs_all_iterations(account: RunningAccount, names: list[str]) -> None:
    """What was kept is for the redrive alone: the state's own Retry begins it anew, as on AWS."""
    read = {**_READ, "Parameters": {"Name.$": "$"}, "ResultSelector": _VALUE, "End": True}
    retry = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 1}]
    processor = {"StartAt": "Read", "States": {"Read": read}}
    arn = _started(account, {"Type": "Map", "MaxConcurrency": 1, "ItemProcessor": processor, "Retry": retry}, names[:2])
    sfn = account.client("stepfunctions")

    execution, events = _redriven(sfn, arn)

    assert (execution["status"], _read(events)) == ("FAILED", [names[0], names[1], names[1]])
