"""The pipeline's own Retry and Catch, carried out: how often Lambda's transient errors are survived."""

import json
import re
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from embedded_account.pytest_plugin import RunningAccount

import embedded_account
from embedded_account import Faults
from ops.runs import executions
from tests.handlers.packing import zipped
from tests.waiting import wait_for

_DEFINITION = Path(__file__).resolve().parents[2] / "statemachine" / "pipeline.asl.json"
_STATES = json.loads(_DEFINITION.read_text())["States"]
_TRIES = 2  # the account's own client tries a call twice before the state sees an error
_ROLE = "arn:aws:iam::123456789012:role/pipeline"
_TASKS = sorted(name for name, state in _STATES.items() if state["Type"] == "Task")
_PATIENCE_SECONDS = 60
_TRANSIENT: list[tuple[str, dict[str, Any]]] = [
    ("throttle", {}),
    ("error", {}),
    ("error", {"code": "AWSLambdaException", "status": 500}),
    ("error", {"code": "ClientExecutionTimeoutException", "status": 500}),
    ("drop", {}),
]


@pytest.fixture(scope="module")
def stepped(account_at_speed: Callable[[float], RunningAccount]) -> RunningAccount:
    """Give an account of its own for tests that put the clock forward."""
    return account_at_speed(1.000001)


@pytest.fixture
def faults(stepped: RunningAccount) -> Iterator[Faults]:
    """Break that account on purpose."""
    remote = Faults(stepped.info)
    yield remote
    remote.clear()


def _function(account: RunningAccount) -> str:
    """Create a function that answers 1; return its name."""
    name = f"tried-{uuid.uuid4().hex[:8]}"
    account.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.11",
        Handler="app.handler",
        Role="arn:aws:iam::123456789012:role/tester",
        Code={"ZipFile": zipped({"app.py": b"def handler(event, context):\n    return 1\n"})},
    )
    return name


def _machine(account: RunningAccount, function: str) -> str:
    """Create a machine of one of the pipeline's states, its Retry and Catch as they are."""
    state = _STATES["RegisterScaling"]
    task = {
        "Type": "Task",
        "Resource": state["Resource"].replace("${Partition}", "aws"),
        "Parameters": {"FunctionName": function, "Payload": {}},
        "Retry": state["Retry"],
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
    """Return the events of one execution of `machine`, the clock put forward until it has ended."""
    sfn = account.client("stepfunctions")
    arn = sfn.start_execution(stateMachineArn=machine)["executionArn"]

    def has_ended() -> bool:
        embedded_account.advance_clock(account.info, 30)
        return str(sfn.describe_execution(executionArn=arn)["status"]) != "RUNNING"

    wait_for(has_ended, _PATIENCE_SECONDS, pause_seconds=0.05)
    return list(sfn.get_execution_history(executionArn=arn, maxResults=1000)["events"])


def test_every_task_has_the_retry_that_is_tried_here() -> None:
    """What holds for one state holds for all."""
    tried = _STATES["RegisterScaling"]["Retry"]

    assert [_STATES[name]["Retry"][: len(tried)] for name in _TASKS] == [tried] * len(_TASKS)


@pytest.mark.parametrize(("num_failures", "ends_in"), [(6, "TaskSucceeded"), (7, "PassStateEntered")])
def test_six_transient_failures_are_survived_seven_are_caught(
    stepped: RunningAccount, faults: Faults, num_failures: int, ends_in: str
) -> None:
    """Six retries after the first attempt, whichever of Lambda's transient errors they were; then Catch, once.

    Source: Amazon States Language, "Retrying after error": MaxAttempts counts retries, not attempts.
    """
    machine = _machine(stepped, _function(stepped))
    for kind, options in (*_TRANSIENT, *_TRANSIENT)[:num_failures]:
        faults.add(kind, service="lambda", operation="Invoke", count=_TRIES, **options)

    events = _history(stepped, machine)

    types = [event["type"] for event in events]
    errors = [event["taskFailedEventDetails"]["error"] for event in events if event["type"] == "TaskFailed"]
    assert sorted(set(errors)) == sorted(_STATES["RegisterScaling"]["Retry"][0]["ErrorEquals"])
    assert types.count("TaskFailed") == num_failures
    assert types.count("TaskScheduled") == min(7, num_failures + 1)
    assert types.count(ends_in) == 1
    assert types[-1] == "ExecutionSucceeded"


def test_a_function_that_may_not_run_is_tried_again_then_caught(stepped: RunningAccount) -> None:
    """With its concurrency reserved to 0 each invocation is refused by a typed error, which Retry and Catch see.

    Source: Lambda API reference, Invoke, TooManyRequestsException; Step Functions developer guide, "Handling errors".
    """
    function = _function(stepped)
    stepped.client("lambda").put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)

    events = _history(stepped, _machine(stepped, function))

    errors = [event["taskFailedEventDetails"]["error"] for event in events if event["type"] == "TaskFailed"]
    assert errors == ["Lambda.TooManyRequestsException"] * 7
    assert [event["type"] for event in events].count("PassStateEntered") == 1


def test_a_missing_function_is_caught_and_status_says_which(stepped: RunningAccount) -> None:
    """Of the whole pipeline no function exists: the first one's error ends the execution, as `status` shows it."""
    text = _DEFINITION.read_text().replace("${Partition}", "aws")
    text = re.sub(r"\$\{(\w+)FunctionArn\}", r"arn:aws:lambda:us-east-1:123456789012:function:gone-\1", text)
    sfn = stepped.client("stepfunctions")
    made = sfn.create_state_machine(name=f"gone-{uuid.uuid4().hex[:8]}", definition=text, roleArn=_ROLE)
    arn = sfn.start_execution(
        stateMachineArn=made["stateMachineArn"], input='{"Dataset": {"Name": "a", "S3Uri": "s3://b/a/"}}'
    )["executionArn"]

    def has_ended() -> Any:
        described = sfn.describe_execution(executionArn=arn)
        return described if described["status"] != "RUNNING" else None

    ended = wait_for(has_ended, _PATIENCE_SECONDS, pause_seconds=0.05)

    told = executions.one_sentence(ended["error"], ended["cause"])
    assert ended["status"] == "FAILED"
    assert told.startswith("Lambda.ResourceNotFoundException: ")
    assert "function:gone-ValidateDataset" in told
