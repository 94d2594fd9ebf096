"""What goes wrong in a task has AWS's name, and a cause that tells the request.

Source: Step Functions developer guide, "Handling errors in Step Functions workflows".
"""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from embedded_account.pytest_plugin import RunningAccount
from support.functions import Deployed
from support.waiting import eventually

pytestmark = pytest.mark.account

_CAUGHT = {"Type": "Pass", "End": True}


@pytest.fixture(scope="module")
def powerless(account: RunningAccount) -> str:
    """A role that Step Functions may assume, and that may do nothing."""
    nothing = {"Effect": "Deny", "Action": "sts:GetSessionToken", "Resource": "*"}
    return account.role("powerless", nothing)


def _output(account: RunningAccount, role_arn: str, task: dict[str, Any], *, catches: str) -> dict[str, Any]:
    """Return what a machine of `task` hands on after the error `catches` was caught."""
    catch = [{"ErrorEquals": [catches], "Next": "Caught"}]
    states = {"Task": {"Type": "Task", "End": True, "Catch": catch, **task}, "Caught": _CAUGHT}
    sfn = account.client("stepfunctions")
    name = f"errors-{abs(hash((role_arn, json.dumps(task), catches)))}"
    definition = json.dumps({"StartAt": "Task", "States": states})
    machine = sfn.create_state_machine(name=name, roleArn=role_arn, definition=definition)["stateMachineArn"]
    arn = sfn.start_execution(stateMachineArn=machine)["executionArn"]
    eventually(lambda: sfn.describe_execution(executionArn=arn)["status"] != "RUNNING")
    output: dict[str, Any] = json.loads(sfn.describe_execution(executionArn=arn)["output"])
    return output


def test_denied_invocation_is_an_error_of_lambda(
    account: RunningAccount, powerless: str, function: Callable[..., Deployed]
) -> None:
    """A role that may not invoke meets Lambda.AWSLambdaException, which Catch takes."""
    name = function("def handler(event, context):\n    return 1\n").name
    task = {"Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": name}}

    output = _output(account, powerless, task, catches="Lambda.AWSLambdaException")

    assert output["Error"] == "Lambda.AWSLambdaException"
    assert "is not authorized to perform: lambda:InvokeFunction" in output["Cause"]
    assert "Status Code: 403; Error Code: AccessDeniedException; Request ID: " in output["Cause"]


def test_denied_function_by_its_arn_is_an_error_of_lambda(
    account: RunningAccount, powerless: str, function: Callable[..., Deployed]
) -> None:
    """The short form of a task meets the same name as lambda:invoke."""
    name = function("def handler(event, context):\n    return 1\n").name
    task = {"Resource": f"arn:aws:lambda:us-east-1:123456789012:function:{name}"}

    output = _output(account, powerless, task, catches="Lambda.AWSLambdaException")

    assert "Error Code: AccessDeniedException; Request ID: " in output["Cause"]


def test_missing_function_keeps_its_own_name(account: RunningAccount) -> None:
    """Lambda's own error classes keep their names."""
    role = "arn:aws:iam::123456789012:role/pipeline"
    task = {"Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": "nobody-made-it"}}

    output = _output(account, role, task, catches="Lambda.ResourceNotFoundException")

    assert "Request ID: " in output["Cause"]


@pytest.mark.parametrize(
    ("resource", "parameters", "name"),
    [
        ("dynamodb:getItem", {"TableName": "t", "Key": {"id": {"S": "1"}}}, "DynamoDB.AmazonDynamoDBException"),
        ("sqs:sendMessage", {"QueueUrl": "https://sqs.us-east-1.amazonaws.com/123456789012/q", "MessageBody": "m"},
         "SQS.AmazonSQSException"),
        ("sns:publish", {"TopicArn": "arn:aws:sns:us-east-1:123456789012:t", "Message": "m"},
         "SNS.AuthorizationErrorException"),
        ("events:putEvents", {"Entries": [{"Source": "s", "DetailType": "d", "Detail": {}}]},
         "EventBridge.AmazonEventBridgeException"),
        ("states:startExecution", {"StateMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:m"},
         "StepFunctions.AWSStepFunctionsException"),
        ("sagemaker:createModel", {"ModelName": "m", "ExecutionRoleArn": "arn:aws:iam::123456789012:role/pipeline"},
         "SageMaker.AmazonSageMakerException"),
        ("aws-sdk:sfn:listStateMachines", {}, "Sfn.SfnException"),
        ("aws-sdk:s3:listBuckets", {}, "S3.S3Exception"),
        ("aws-sdk:sns:listTopics", {}, "Sns.AuthorizationErrorException"),
        ("aws-sdk:sagemaker:listModels", {}, "SageMaker.SageMakerException"),
        ("aws-sdk:cloudwatchlogs:describeLogGroups", {}, "CloudWatchLogs.CloudWatchLogsException"),
        ("aws-sdk:eventbridge:listRules", {}, "EventBridge.EventBridgeException"),
    ],
)  # fmt: skip
def test_denied_task_is_caught(
    account: RunningAccount, powerless: str, resource: str, parameters: dict[str, Any], name: str
) -> None:
    """A denial by any other service fails the task, with the request in its cause, and not the interpreter."""
    task = {"Resource": f"arn:aws:states:::{resource}", "Parameters": parameters}

    output = _output(account, powerless, task, catches="States.TaskFailed")

    assert output["Error"] == name
    assert "Request ID: " in output["Cause"]


@pytest.mark.parametrize("name", ["States.Timeout", "States.HeartbeatTimeout"])
def test_missed_heartbeat_is_caught_by_either_name(account: RunningAccount, name: str) -> None:
    """A task that failed to send a heartbeat in time has timed out."""
    role, queue = "arn:aws:iam::123456789012:role/pipeline", f"heart-{name[7:].lower()}"
    url = account.client("sqs").create_queue(QueueName=queue)["QueueUrl"]
    task = {
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Parameters": {"QueueUrl": url, "MessageBody.$": "$$.Task.Token"},
        "HeartbeatSeconds": 1,
        "TimeoutSeconds": 600,
    }

    assert _output(account, role, task, catches=name)["Error"] == "States.HeartbeatTimeout"


def test_machine_of_the_same_name_is_made_once(account: RunningAccount) -> None:
    """The same request again gives the same machine; another definition is refused.

    Source: Step Functions API reference, CreateStateMachine: idempotency.
    """
    sfn, role = account.client("stepfunctions"), "arn:aws:iam::123456789012:role/pipeline"
    definitions = [json.dumps({"StartAt": name, "States": {name: _CAUGHT}}) for name in ("One", "Other")]
    first = sfn.create_state_machine(name="once", roleArn=role, definition=definitions[0])

    again = sfn.create_state_machine(name="once", roleArn=role, definition=definitions[0])

    assert again["stateMachineArn"] == first["stateMachineArn"]
    with pytest.raises(ClientError, match=r"\(StateMachineAlreadyExists\).*State Machine Already Exists"):
        sfn.create_state_machine(name="once", roleArn=role, definition=definitions[1])


@pytest.mark.parametrize(("end", "words"), [(":*", "/nobody/made/it"), ("", r"must end with ':\*'")])
def test_machine_with_a_missing_log_group_is_refused(account: RunningAccount, end: str, words: str) -> None:
    """Logs would go nowhere.

    Source: Step Functions API reference, CloudWatchLogsLogGroup: the ARN must end with `:*`.
    """
    group = f"arn:aws:logs:us-east-1:123456789012:log-group:/nobody/made/it{end}"
    logging = {"level": "ALL", "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": group}}]}
    role, definition = "arn:aws:iam::123456789012:role/pipeline", json.dumps({"StartAt": "A", "States": {"A": _CAUGHT}})

    with pytest.raises(ClientError, match=rf"\(InvalidLoggingConfiguration\).*{words}"):
        account.client("stepfunctions").create_state_machine(
            name="unlogged", roleArn=role, definition=definition, loggingConfiguration=logging
        )


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"loggingConfiguration": {"level": "ALL"}}, "InvalidLoggingConfiguration"),
        ({}, "MissingRequiredParameter"),
        ({"encryptionConfiguration": {"type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": "k"}}, "NotImplemented"),
    ],
)
def test_update_that_cannot_be_made_is_refused(account: RunningAccount, changes: dict[str, Any], code: str) -> None:
    """Logs need a destination, an update something to update, and a key of one's own is not carried out."""
    sfn, role = account.client("stepfunctions"), "arn:aws:iam::123456789012:role/pipeline"
    definition = json.dumps({"StartAt": "A", "States": {"A": _CAUGHT}})
    machine = sfn.create_state_machine(name="updated", roleArn=role, definition=definition)["stateMachineArn"]

    with pytest.raises(ClientError, match=rf"\({code}\)"):
        sfn.update_state_machine(stateMachineArn=machine, **changes)
