"""A malformed request is the caller's mistake: it is told what is wrong, and never answered with 500."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.raw import send, send_json

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


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("list_topics", {}),
        ("list_subscriptions", {}),
        ("list_subscriptions_by_topic", {"TopicArn": "arn:aws:sns:us-east-1:123456789012:t"}),
    ],
)
@pytest.mark.parametrize("token", ["nonsense", "-1"])
def test_foreign_token_of_a_list_of_sns_is_refused(
    aws: Callable[[str], Any], method: str, arguments: dict[str, str], token: str
) -> None:
    """A token that no page returned is no page. Source: SNS API reference, ListTopics: InvalidParameter."""
    with pytest.raises(ClientError, match=r"\(InvalidParameter\).*Invalid parameter: NextToken"):
        getattr(aws("sns"), method)(**arguments, NextToken=token)


@pytest.mark.parametrize("body", [b"[]", b"{", b"null", b'"text"', b"\xff"])
@pytest.mark.parametrize(
    ("service", "operation"),
    [
        ("states", "StartExecution"),
        ("events", "PutRule"),
        ("dynamodb", "GetItem"),
        ("logs", "PutLogEvents"),
        ("sagemaker", "CreateModel"),
        ("sqs", "SendMessage"),
        ("ssm", "GetParameter"),
        ("kms", "DescribeKey"),
    ],
)
def test_body_that_is_no_object_is_refused(account: Any, service: str, operation: str, body: bytes) -> None:
    """Whichever service it is for. Source: Smithy, AWS JSON protocols: SerializationException."""
    status, answer = send_json(account.info, service, operation, body)

    assert (status, json.loads(answer)["__type"].rpartition("#")[2]) == (400, "SerializationException")


@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [
        ("states", "StartExecution", "ValidationException"),
        ("states", "SendTaskSuccess", "ValidationException"),
        ("states", "ListExecutions", "ValidationException"),
        ("events", "PutTargets", "ValidationException"),
        ("dynamodb", "PutItem", "ValidationException"),
        ("logs", "PutLogEvents", "InvalidParameterException"),
        ("sqs", "CreateQueue", "MissingRequiredParameterException"),  # MissingParameter to boto3 and query clients
        ("ssm", "GetParameter", "ValidationException"),
    ],
)
def test_request_without_what_it_needs_is_refused(account: Any, service: str, operation: str, code: str) -> None:
    """The error is the caller's, in the service's own code."""
    status, answer = send_json(account.info, service, operation, b"{}")

    assert (status, json.loads(answer)["__type"].rpartition("#")[2]) == (400, code)


@pytest.mark.parametrize(
    ("service", "query", "code"),
    [
        ("cloudformation", b"Action=DescribeChangeSet&Version=2010-05-15", b"ValidationError"),
        ("cloudformation", b"Action=ListStackResources&Version=2010-05-15", b"ValidationError"),
        ("sns", b"Action=Publish&Version=2010-03-31", b"ValidationError"),
        ("sns", b"Action=Nonsense&Version=2010-03-31", b"NotImplemented"),
    ],
)
def test_query_without_what_it_needs_is_refused(account: Any, service: str, query: bytes, code: bytes) -> None:
    """So are those of the query protocol, and operations that no model knows."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    status, answer = send(account.info, service, query, headers=headers)

    assert (status, b"<Code>" + code in answer) == (400, True)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/2015-03-31/functions", b"[]"),
        ("POST", "/2015-03-31/functions", b'{"FunctionName":"x","Code":5}'),
        ("PUT", "/2015-03-31/functions/none/configuration", b'{"Timeout":"long"}'),
        ("PUT", "/2019-09-25/functions/none/event-invoke-config", b'{"DestinationConfig":{"OnFailure":5}}'),
        ("POST", "/2021-10-31/functions/none/url", b'{"AuthType":"AWS_IAM","Cors":5}'),
        ("GET", "/2015-03-31/functions?MaxItems=many", b""),
    ],
)
def test_member_of_another_type_is_refused(account: Any, method: str, path: str, body: bytes) -> None:
    """A number where the model has a structure is the caller's mistake."""
    headers = {"Content-Type": "application/json"}
    status, answer = send(account.info, "lambda", body, method=method, path=path, headers=headers)

    assert status == 400, answer


@pytest.mark.parametrize(
    "resource",
    [
        1,
        {"Type": "AWS::SQS::Queue", "Properties": [1]},
        {"Type": "AWS::SQS::Queue", "DependsOn": {"a": 1}},
        {"Type": "AWS::SQS::Queue", "Condition": ["a"]},
    ],
)
def test_resource_of_another_form_is_refused(aws: Callable[[str], Any], resource: Any) -> None:
    """Its place in the template is told."""
    template = json.dumps({"Resources": {"Queue": resource}})

    with pytest.raises(ClientError, match=r"\(ValidationError\).*/Resources/Queue"):
        aws("cloudformation").create_stack(StackName="misshapen", TemplateBody=template)


def test_value_outside_of_its_set_is_refused(aws: Callable[[str], Any]) -> None:
    """SDKs do not look at enumerations; AWS does."""
    machine = "arn:aws:states:us-east-1:123456789012:stateMachine:any"

    with pytest.raises(ClientError, match=r"\(ValidationException\).*enum value set: \[RUNNING"):
        aws("stepfunctions").list_executions(stateMachineArn=machine, statusFilter="DONE")
