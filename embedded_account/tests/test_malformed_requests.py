"""A malformed request is the caller's mistake: it is told what is wrong, and never answered with 500."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

pytestmark = pytest.mark.account

CONDITIONAL = {
    "Conditions": {"Keeps": {"Fn::Equals": ["a", "a"]}},
    "Resources": {
        "Queue": {"Type": "AWS::SQS::Queue", "DeletionPolicy": {"Fn::If": ["Keeps", "Retain", "Delete"]}},
    },
}


def test_template_without_a_name_is_refused(aws: Callable[[str], Any]) -> None:
    """GetTemplate needs a stack or a change set."""
    with pytest.raises(ClientError, match=r"\(ValidationError\).*StackName"):
        aws("cloudformation").get_template()


def test_conditional_deletion_policy_is_refused(aws: Callable[[str], Any]) -> None:
    """A DeletionPolicy that is a function fails by its name, as one without the language extensions does on AWS."""
    with pytest.raises(ClientError, match="DeletionPolicy"):
        aws("cloudformation").create_stack(StackName="conditional", TemplateBody=json.dumps(CONDITIONAL))


def test_foreign_token_of_a_list_of_metrics_is_refused(aws: Callable[[str], Any]) -> None:
    """A token that no page returned is no page."""
    with pytest.raises(ClientError, match=r"\(InvalidParameterValue\).*NextToken"):
        aws("cloudwatch").list_metrics(NextToken="nonsense")


def test_execution_with_input_that_is_no_json_is_refused(aws: Callable[[str], Any]) -> None:
    """Nothing is started. Source: Step Functions API reference, StartExecution: InvalidExecutionInput."""
    sfn = aws("stepfunctions")
    definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
    role = "arn:aws:iam::123456789012:role/pipeline"
    machine = sfn.create_state_machine(name="fed", roleArn=role, definition=definition)["stateMachineArn"]

    with pytest.raises(ClientError, match=r"\(InvalidExecutionInput\).*Invalid State Machine Execution Input"):
        sfn.start_execution(stateMachineArn=machine, input="{not json")

    assert sfn.list_executions(stateMachineArn=machine)["executions"] == []


@pytest.mark.parametrize(
    ("method", "arguments", "member"),
    [
        (
            "publish",
            {"TopicArn": "topic", "Message": "m"},
            "TopicArn Reason: An ARN must have at least 6 elements, not 1",
        ),
        ("get_topic_attributes", {"TopicArn": "arn:aws:sns:us-east-1"}, "TopicArn Reason: .* not 4"),
        ("subscribe", {"TopicArn": "topic", "Protocol": "sqs", "Endpoint": "queue"}, "TopicArn Reason"),
        (
            "subscribe",
            {"TopicArn": "arn:aws:sns:us-east-1:123456789012:t", "Protocol": "lambda", "Endpoint": "function"},
            "Endpoint Reason: An ARN must have",
        ),
    ],
)
def test_text_that_is_no_arn_is_refused(
    aws: Callable[[str], Any], method: str, arguments: dict[str, str], member: str
) -> None:
    """The error names the member. Source: SNS API reference, Publish and Subscribe: InvalidParameter."""
    with pytest.raises(ClientError, match=rf"\(InvalidParameter\).*Invalid parameter: {member}"):
        getattr(aws("sns"), method)(**arguments)
