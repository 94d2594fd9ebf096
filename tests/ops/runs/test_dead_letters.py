"""Why events came to nothing, as status shows it."""

import json
from typing import Any

import pytest

from ops.runs import dead_letters
from ops.session import Session
from ops.stack.stacks import Stack

TEMPLATE = {"Resources": {"FunctionDeadLetterQueue": {"Type": "AWS::SQS::Queue"}}}


@pytest.fixture
def stack(local_session: Session) -> Stack:
    """Give a stack with one of the two queues."""
    made = local_session.cloudformation.create_stack(
        StackName=local_session.stack_name, TemplateBody=json.dumps(TEMPLATE)
    )
    local_session.cloudformation.get_waiter("stack_create_complete").wait(
        StackName=made["StackId"], WaiterConfig={"Delay": 1}
    )
    return Stack(made["StackId"], "CREATE_COMPLETE", {}, {})


def test_a_start_that_failed_is_shown_and_kept(local_session: Session, stack: Stack) -> None:
    """The error of the function is in the record that Lambda puts into the queue; looking takes nothing out."""
    resource = local_session.cloudformation.describe_stack_resource(
        StackName=stack.stack_id, LogicalResourceId="FunctionDeadLetterQueue"
    )
    url = resource["StackResourceDetail"]["PhysicalResourceId"]
    assert dead_letters.facts(local_session, stack) == []
    error = {"errorType": "SettingsError", "errorMessage": "MaxTuningJobs=1"}
    local_session.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps({"responsePayload": error}))

    shown = [dead_letters.facts(local_session, stack) for _ in range(2)]

    assert shown == [[("failed events", "1, one of them: SettingsError: MaxTuningJobs=1")]] * 2


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            {
                "Body": "{}",
                "MessageAttributes": {
                    "ERROR_CODE": {"StringValue": "NO_PERMISSIONS"},
                    "ERROR_MESSAGE": {"StringValue": "not authorized"},
                },
            },
            "NO_PERMISSIONS: not authorized",
        ),
        ({"Body": "no json"}, "it does not say why"),
        ({"Body": "[]"}, "it does not say why"),
        ({"Body": '{"responsePayload": null}'}, "it does not say why"),
    ],
)
def test_a_reason_is_read_from_either_kind_of_record(message: Any, expected: str) -> None:
    """EventBridge says it in attributes, Lambda in the body; a hand-made message says nothing."""
    assert dead_letters.reason(message) == expected
