"""Compares the histories of executions with those that AWS gave for the same machines, as others recorded them."""

import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from support.functions import make_function
from support.queues import messages, new_queue
from support.waiting import eventually

_CORPUS = Path(__file__).resolve().parents[4] / "shared" / "corpora" / "aws-recorded"
_ROLE = "arn:aws:iam::123456789012:role/pipeline"
_FREE = ("input", "output", "parameters", "roleArn", "region")  # hold times, ids and headers; looked at in part below
_SEND = "arn:aws:states:::sqs:sendMessage.waitForTaskToken"
_PARAMETERS = {
    "QueueUrl.$": "$.QueueUrl",
    "MessageBody": {"Message.$": "$.Message", "TaskToken.$": "$$.Task.Token"},
}

pytestmark = pytest.mark.skipif(not _CORPUS.is_dir(), reason="the corpora are not in this checkout")


def _recorded(file: str, scenario: str) -> list[dict[str, Any]]:
    recordings = json.loads((_CORPUS / file).read_text(encoding="utf-8"))
    (recording,) = (value for name, value in recordings.items() if name.endswith(f"::{scenario}"))
    return [_comparable(event) for event in recording["recorded-content"]["get_execution_history"]["events"]]


def _comparable(event: dict[str, Any]) -> dict[str, Any]:
    """Return what does not vary: order, kind, the details' names, and those of their values that are no data."""
    details = {
        name: {key: "..." if key in _FREE else value for key, value in content.items()}
        for name, content in event.items()
        if isinstance(content, dict)
    }
    return {key: event[key] for key in ("id", "previousEventId", "type")} | details


def _started(account: Any, states: dict[str, Any], data: dict[str, Any]) -> str:
    sfn = account.client("stepfunctions")
    definition = json.dumps({"StartAt": next(iter(states)), "States": states})
    machine = sfn.create_state_machine(name=f"m-{uuid.uuid4().hex[:12]}", definition=definition, roleArn=_ROLE)
    arn: str = sfn.start_execution(stateMachineArn=machine["stateMachineArn"], input=json.dumps(data))["executionArn"]
    return arn


def _history(account: Any, arn: str) -> list[dict[str, Any]]:
    sfn = account.client("stepfunctions")
    eventually(lambda: sfn.describe_execution(executionArn=arn)["status"] != "RUNNING")
    events: list[dict[str, Any]] = sfn.get_execution_history(executionArn=arn)["events"]
    return events


def _waiting(account: Any, name: str, **fields: Any) -> tuple[str, str]:
    """Start an execution that waits for its token; return the token and the execution."""
    queue = new_queue(account)
    task = {"Type": "Task", "Resource": _SEND, "Parameters": _PARAMETERS, "End": True} | fields
    caught = {"CaughtStatesALL": {"Type": "Pass", "End": True}} if "Catch" in fields else {}
    arn = _started(account, {name: task} | caught, {"QueueUrl": queue.url, "Message": "test_message_txt"})
    (body,) = messages(account, queue, at_least=1)
    return json.loads(body)["TaskToken"], arn


def test_a_function_that_is_invoked_has_the_history_of_aws(account):
    """Scheduled, started, succeeded: each event names the one before it and carries AWS's details."""
    function = make_function(account, "def handler(event, context):\n    return {}\n")
    parameters = {"FunctionName.$": "$.FunctionName", "Payload.$": "$.Payload"}
    invoke = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": parameters}
    final = {"Type": "Pass", "ResultPath": "$.final", "End": True}
    states = {"Start": invoke | {"Next": "EndWithFinal"}, "EndWithFinal": final}

    recorded = _recorded("test_lambda_task_service.json", "TestTaskServiceLambda::test_invoke")

    events = _history(account, _started(account, states, {"FunctionName": function.name, "Payload": None}))

    assert [_comparable(event) for event in events] == recorded
    output = json.loads(events[4]["taskSucceededEventDetails"]["output"])
    assert (output["Payload"], output["ExecutedVersion"], output["StatusCode"]) == ({}, "$LATEST", 200)


def test_a_text_of_json_is_the_functions_event_as_on_aws(account):
    """A payload that is a text is handed over as it is, and the answer is parsed: test_invoke_json_values."""
    function = make_function(account, "def handler(event, context):\n    return event\n")
    recordings = json.loads((_CORPUS / "test_lambda_task_service.json").read_text(encoding="utf-8"))
    names = [name for name in recordings if "::test_invoke_json_values[" in name]
    parameters = {"FunctionName": function.name, "Payload.$": "$.p"}
    task = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": parameters, "End": True}
    states = {"Start": task}

    for name in names:
        events = recordings[name]["recorded-content"]["get_execution_history"]["events"]
        scheduled, succeeded = events[2]["taskScheduledEventDetails"], events[4]["taskSucceededEventDetails"]
        own = _history(account, _started(account, states, {"p": scheduled["parameters"]["Payload"]}))
        output = json.loads(own[4]["taskSucceededEventDetails"]["output"])
        assert json.dumps(output["Payload"]) == json.dumps(succeeded["output"]["Payload"]), name

    assert len(names) == 9


def test_a_token_that_is_answered_has_the_history_of_aws(account):
    """The time-outs are in the scheduled event, the answer is the state's output."""
    token, arn = _waiting(account, "SendMessageWithWait", TimeoutSeconds=600, HeartbeatSeconds=60)
    account.client("stepfunctions").send_task_success(taskToken=token, output='"test_message_txt"')

    events = [_comparable(event) for event in _history(account, arn)]

    assert events == _recorded("test_callback.json", "TestCallback::test_sqs_wait_for_task_tok_with_heartbeat")


def test_a_token_that_fails_has_the_history_of_aws(account):
    """Error and cause of SendTaskFailure are those of the task and of the execution."""
    token, arn = _waiting(account, "SendMessageWithWait")
    account.client("stepfunctions").send_task_failure(taskToken=token, error="Failure error", cause="Failure cause")

    events = [_comparable(event) for event in _history(account, arn)]

    assert events == _recorded("test_callback.json", "TestCallback::test_sqs_failure_in_wait_for_task_token")


def test_a_token_that_fails_without_words_is_caught_as_by_aws(account):
    """SendTaskFailure may leave out error and cause; States.ALL catches it, and both are null in the output."""
    catch = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.states_all_error", "Next": "CaughtStatesALL"}]
    token, arn = _waiting(account, "SendMessageWithWait", Catch=catch)
    account.client("stepfunctions").send_task_failure(taskToken=token)

    events = _history(account, arn)

    scenario = "TestCallback::test_sqs_failure_in_wait_for_task_tok_no_error_field[SQS_WAIT_FOR_TASK_TOKEN_CATCH]"
    assert [_comparable(event) for event in events] == _recorded("test_callback.json", scenario)
    output = json.loads(events[-1]["executionSucceededEventDetails"]["output"])
    assert output["states_all_error"] == {"Error": None, "Cause": None}


def test_a_token_that_nobody_answers_has_the_history_of_aws(account_at_speed):
    """The task times out with States.Timeout, and so does what waits for it."""
    fast = account_at_speed(10)  # five seconds are half a real one, enough for a busy machine to send
    _, arn = _waiting(fast, "SendMessageWithWaitAndTimeout", TimeoutSeconds=5)

    events = [_comparable(event) for event in _history(fast, arn)]

    assert events == _recorded("test_callback.json", "TestCallback::test_sqs_wait_for_task_token_timeout")
