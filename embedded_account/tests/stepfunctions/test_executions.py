"""Executions: names, history, status events, logs, task tokens."""

import json
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError
from support.queues import messages, new_queue
from support.waiting import eventually

_ROLE = "arn:aws:iam::123456789012:role/pipeline"
_PASS = {"StartAt": "Only", "States": {"Only": {"Type": "Pass", "Result": {"x": 1}, "End": True}}}


def _machine(account, definition=_PASS, **options):
    name = f"machine-{uuid.uuid4().hex[:12]}"
    machine = account.client("stepfunctions").create_state_machine(
        name=name, definition=json.dumps(definition), roleArn=_ROLE, **options
    )
    return machine["stateMachineArn"]


def _ended(sfn, arn):
    def ended():
        execution = sfn.describe_execution(executionArn=arn)
        return execution if execution["status"] != "RUNNING" else None

    return eventually(ended, 15)


def test_an_execution_without_a_name_gets_one(account):
    """StartExecution may leave the name to the service.

    Source: Step Functions API reference, StartExecution: name is optional.
    """
    sfn = account.client("stepfunctions")

    arn = sfn.start_execution(stateMachineArn=_machine(account))["executionArn"]

    assert json.loads(_ended(sfn, arn)["output"]) == {"x": 1}


def test_an_execution_is_running_while_it_is_started(account):
    """Whoever lists meanwhile sees one of the statuses of ExecutionListItem, of which none says "not yet".

    Source: Step Functions API reference, ExecutionListItem: status.
    """
    machine, listed = _machine(account), []
    with ThreadPoolExecutor(1) as pool:
        starting = pool.submit(_start_many, account, machine, 40)
        while not starting.done():
            page = account.client("stepfunctions").list_executions(stateMachineArn=machine)
            listed += [execution["status"] for execution in page["executions"]]
        starting.result()

    assert set(listed) <= {"RUNNING", "SUCCEEDED"}


def _start_many(account, machine, count):
    sfn = account.client("stepfunctions")
    for _ in range(count):
        sfn.start_execution(stateMachineArn=machine)


def test_a_name_that_was_used_with_another_input_is_refused(account):
    """An execution's name is used once; only the same input finds a running one again.

    Source: Step Functions API reference, StartExecution: ExecutionAlreadyExists.
    """
    sfn, machine = account.client("stepfunctions"), _machine(account)
    first = sfn.start_execution(stateMachineArn=machine, name="once", input="{}")
    _ended(sfn, first["executionArn"])

    with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
        sfn.start_execution(stateMachineArn=machine, name="once", input='{"a": 1}')


def test_history_is_paged_and_reversed_on_request(account):
    """The last event comes first, two at a time.

    Source: Step Functions API reference, GetExecutionHistory: maxResults, reverseOrder.
    """
    sfn = account.client("stepfunctions")
    arn = sfn.start_execution(stateMachineArn=_machine(account))["executionArn"]
    _ended(sfn, arn)

    page = sfn.get_execution_history(executionArn=arn, reverseOrder=True, maxResults=2)

    assert [event["type"] for event in page["events"]] == ["ExecutionSucceeded", "PassStateExited"]
    rest = sfn.get_execution_history(executionArn=arn, reverseOrder=True, nextToken=page["nextToken"])
    assert [event["type"] for event in rest["events"]] == ["PassStateEntered", "ExecutionStarted"]


def test_status_changes_reach_event_bridge(account):
    """RUNNING and SUCCEEDED arrive with the execution's name.

    Source: Step Functions developer guide, "Automating Step Functions event delivery with EventBridge".
    """
    machine, queue, events = _machine(account), new_queue(account), account.client("events")
    pattern = {"source": ["aws.states"], "detail": {"stateMachineArn": [machine]}}
    events.put_rule(Name="status", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="status", Targets=[{"Id": "1", "Arn": queue.arn}])

    account.client("stepfunctions").start_execution(stateMachineArn=machine, name="told")

    details = [json.loads(body)["detail"] for body in messages(account, queue, at_least=2)]
    events.disable_rule(Name="status")
    assert {(detail["name"], detail["status"]) for detail in details} == {("told", "RUNNING"), ("told", "SUCCEEDED")}


def test_the_history_is_logged_where_the_machine_says(account):
    """Level ALL writes every event to the log group.

    Source: Step Functions developer guide, "Using CloudWatch Logs to log execution history".
    """
    sfn, logs = account.client("stepfunctions"), account.client("logs")
    group = f"/states/{uuid.uuid4().hex}"
    logs.create_log_group(logGroupName=group)
    arn = f"arn:aws:logs:us-east-1:123456789012:log-group:{group}:*"
    destination = {"cloudWatchLogsLogGroup": {"logGroupArn": arn}}
    machine = _machine(
        account,
        loggingConfiguration={"level": "ALL", "includeExecutionData": True, "destinations": [destination]},
    )

    _ended(sfn, sfn.start_execution(stateMachineArn=machine)["executionArn"])

    types = [json.loads(event["message"])["type"] for event in logs.filter_log_events(logGroupName=group)["events"]]
    assert types == ["ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded"]


def test_an_unknown_task_token_is_refused(account):
    """A token that no task waits with is no token.

    Source: Step Functions API reference, SendTaskSuccess: InvalidToken.
    """
    with pytest.raises(ClientError, match="InvalidToken"):
        account.client("stepfunctions").send_task_success(taskToken="none", output="{}")


def test_a_stopped_execution_is_aborted(account):
    """StopExecution ends an execution, even one that has only just begun, before it answers.

    Source: Step Functions API reference, StopExecution.
    """
    sfn = account.client("stepfunctions")
    waiting = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}}}
    arn = sfn.start_execution(stateMachineArn=_machine(account, waiting))["executionArn"]

    sfn.stop_execution(executionArn=arn, error="Stopped", cause="by hand")

    assert sfn.describe_execution(executionArn=arn)["status"] == "ABORTED"


def test_an_execution_is_aborted_whenever_it_is_stopped(account):
    """Before its first state, in one, or between two: StopExecution ends a running execution as ABORTED.

    Source: Step Functions API reference, StopExecution.
    """
    sfn, last = account.client("stepfunctions"), {"Type": "Wait", "Seconds": 60, "End": True}
    states = {f"s{number}": {"Type": "Pass", "Next": f"s{number + 1}"} for number in range(300)} | {"s300": last}
    machine = _machine(account, {"StartAt": "s0", "States": states})
    statuses = []

    for number in range(16):
        arn = sfn.start_execution(stateMachineArn=machine)["executionArn"]
        time.sleep(0.005 * number)  # real time: at another moment of its run each time
        sfn.stop_execution(executionArn=arn)
        statuses.append(sfn.describe_execution(executionArn=arn)["status"])

    assert statuses == ["ABORTED"] * 16


def test_the_token_of_an_execution_that_is_over_has_timed_out(account):
    """It was a token once, so it is no InvalidToken. Source: Step Functions API reference, SendTaskSuccess."""
    sfn, queue = account.client("stepfunctions"), new_queue(account)
    parameters = {"QueueUrl": queue.url, "MessageBody.$": "$$.Task.Token"}
    task = {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "Parameters": parameters}
    machine = _machine(account, {"StartAt": "A", "States": {"A": task | {"End": True}}})
    arn = sfn.start_execution(stateMachineArn=machine)["executionArn"]
    (token,) = messages(account, queue, at_least=1)
    sfn.stop_execution(executionArn=arn)

    for send, arguments in (("success", {"output": "{}"}), ("failure", {}), ("heartbeat", {})):
        with pytest.raises(ClientError, match="Provided task does not exist anymore") as caught:
            getattr(sfn, f"send_task_{send}")(taskToken=token, **arguments)
        assert caught.value.response["Error"]["Code"] == "TaskTimedOut"
