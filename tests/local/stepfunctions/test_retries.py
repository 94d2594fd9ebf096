"""The pipeline's own Retry and Catch, carried out: how often Lambda's transient errors are survived."""

import json
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local.faults.remote import RemoteFaults
from tests.conftest import RunningAccount
from tests.local.lambda_.conftest import Deployed, function  # noqa: F401 (a fixture)

_DEFINITION = Path(__file__).resolve().parents[3] / "statemachine" / "pipeline.asl.json"
_TRIES = 2  # the account's own client tries a call twice before the state sees an error
_ROLE = "arn:aws:iam::123456789012:role/pipeline"


def _machine(account: RunningAccount, arn: str) -> str:
    """Create a machine of one of the pipeline's states; only its waits are shorter."""
    state = json.loads(_DEFINITION.read_text())["States"]["RegisterScaling"]
    (retry,) = state["Retry"]
    task = {
        "Type": "Task",
        "Resource": state["Resource"],
        "Parameters": {"FunctionName": arn, "Payload": {}},
        "Retry": [retry | {"IntervalSeconds": 1, "MaxDelaySeconds": 1}],
        "Catch": [{"ErrorEquals": state["Catch"][0]["ErrorEquals"], "Next": "Caught"}],
        "End": True,
    }
    states = {"Try": task, "Caught": {"Type": "Pass", "End": True}}
    machine = account.client("stepfunctions").create_state_machine(
        name=f"retries-{uuid.uuid4().hex[:8]}",
        definition=json.dumps({"StartAt": "Try", "States": states}),
        roleArn=_ROLE,
    )
    return str(machine["stateMachineArn"])


def _history(account: RunningAccount, machine: str) -> list[dict[str, Any]]:
    """Return the events of one execution of `machine`."""
    sfn = account.client("stepfunctions")
    arn = sfn.start_execution(stateMachineArn=machine)["executionArn"]
    deadline = time.monotonic() + 30
    while sfn.describe_execution(executionArn=arn)["status"] == "RUNNING":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return list(sfn.get_execution_history(executionArn=arn, maxResults=1000)["events"])


@pytest.mark.slow
@pytest.mark.parametrize(("num_failures", "ends_in"), [(6, "TaskSucceeded"), (7, "PassStateEntered")])
def test_six_transient_failures_are_survived_and_seven_are_caught(
    account: RunningAccount,
    faults: RemoteFaults,
    function: Callable[..., Deployed],  # noqa: F811
    num_failures: int,
    ends_in: str,
) -> None:
    """Six retries after the first attempt, whatever the mixture of throttling and failures; then Catch, once."""
    tried = function("def handler(event, context):\n    return 1\n")
    machine = _machine(account, tried.name)
    faults.add("throttle", service="lambda", operation="Invoke", count=3 * _TRIES)
    faults.add("error", service="lambda", operation="Invoke", count=(num_failures - 3) * _TRIES)

    types = [event["type"] for event in _history(account, machine)]

    assert types.count("TaskFailed") == num_failures
    assert types.count("TaskScheduled") == min(7, num_failures + 1)
    assert types.count(ends_in) == 1
    assert types[-1] == "ExecutionSucceeded"
