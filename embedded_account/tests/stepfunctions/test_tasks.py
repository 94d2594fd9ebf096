"""What tasks of services send and hand on. Source: Step Functions developer guide, "Integrating services"."""

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError
from embedded_account.pytest_plugin import RunningAccount
from support.jobs import Workbench, new_workbench
from support.waiting import eventually

_ROLE = "arn:aws:iam::123456789012:role/pipeline"
_INNER = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
_REFUSES = {"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "Why", "Cause": "not"}}}


@pytest.fixture(scope="module")
def workbench(account: RunningAccount) -> Workbench:
    """Give a bucket and a role to run jobs with."""
    return new_workbench(account)


def _machine(account: RunningAccount, definition: dict[str, Any], role_arn: str = _ROLE) -> str:
    name = f"tasks-{uuid.uuid4().hex[:8]}"
    client = account.client("stepfunctions")
    made = client.create_state_machine(name=name, roleArn=role_arn, definition=json.dumps(definition))
    return str(made["stateMachineArn"])


def _task(resource: str, parameters: dict[str, Any], **fields: Any) -> dict[str, Any]:
    task = {"Type": "Task", "Resource": f"arn:aws:states:::{resource}", "Parameters": parameters, "End": True}
    return {"StartAt": "Task", "States": {"Task": task | fields}}


def _start(account: RunningAccount, resource: str, parameters: dict[str, Any], **fields: Any) -> str:
    machine = _machine(account, _task(resource, parameters, **fields))
    return str(account.client("stepfunctions").start_execution(stateMachineArn=machine)["executionArn"])


def _ended(account: RunningAccount, arn: str) -> dict[str, Any]:
    sfn = account.client("stepfunctions")
    eventually(lambda: sfn.describe_execution(executionArn=arn)["status"] != "RUNNING", 60, "the end of the execution")
    execution: dict[str, Any] = sfn.describe_execution(executionArn=arn)
    return execution


def _output(account: RunningAccount, resource: str, parameters: dict[str, Any]) -> dict[str, Any]:
    execution = _ended(account, _start(account, resource, parameters))
    assert execution["status"] == "SUCCEEDED", execution
    output: dict[str, Any] = json.loads(execution["output"])
    return output


def test_dates_and_bodies_are_json(account: RunningAccount) -> None:
    """A date is text, and so is an object's content."""
    s3, bucket = account.client("s3"), f"tasks-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b'{"a": 1}')

    answer = _output(account, "aws-sdk:s3:getObject", {"Bucket": bucket, "Key": "k"})

    assert answer["Body"] == '{"a": 1}'
    assert answer["LastModified"].endswith("Z")
    assert answer["ContentLength"] == 8


def test_members_begin_with_a_capital_letter(account: RunningAccount) -> None:
    """Whatever the API calls them, in requests and in answers."""
    machine = _machine(account, _INNER)

    answer = _output(account, "aws-sdk:sfn:startExecution", {"StateMachineArn": machine, "Input": {"a": 1}})

    execution = account.client("stepfunctions").describe_execution(executionArn=answer["ExecutionArn"])
    assert json.loads(execution["input"]) == {"a": 1}
    assert answer["StartDate"].endswith("Z")


def test_an_execution_is_started_and_waited_for(account: RunningAccount) -> None:
    """startExecution goes on at once; .sync has the output as text, .sync:2 as JSON."""
    parameters = {"StateMachineArn": _machine(account, _INNER), "Input": {"a": 1}}

    started = _output(account, "states:startExecution", parameters)
    as_text = _output(account, "states:startExecution.sync", parameters)
    as_json = _output(account, "states:startExecution.sync:2", parameters)

    assert "Output" not in started
    assert as_text["Status"] == "SUCCEEDED"
    assert json.loads(as_text["Output"]) == as_json["Output"] == {"a": 1}


def test_a_failed_execution_fails_its_task(account: RunningAccount) -> None:
    """States.TaskFailed, whose cause is what the execution was."""
    machine = _machine(account, _REFUSES)

    execution = _ended(account, _start(account, "states:startExecution.sync:2", {"StateMachineArn": machine}))

    assert (execution["status"], execution["error"]) == ("FAILED", "States.TaskFailed")
    assert json.loads(execution["cause"])["Error"] == "Why"


def test_a_training_job_is_waited_for(account: RunningAccount, workbench: Workbench) -> None:
    """createTrainingJob.sync hands the job's description on.

    Source: Step Functions developer guide, "Create and manage Amazon SageMaker AI jobs with Step Functions".
    """
    name = f"job-{uuid.uuid4().hex[:8]}"

    job = _output(
        account, "sagemaker:createTrainingJob.sync", workbench.request("print('score=1')", TrainingJobName=name)
    )

    assert (job["TrainingJobName"], job["TrainingJobStatus"]) == (name, "Completed")
    assert isinstance(job["CreationTime"], int)
    assert job["ModelArtifacts"]["S3ModelArtifacts"].endswith("model.tar.gz")


def test_a_failed_training_job_fails_its_task(account: RunningAccount, workbench: Workbench) -> None:
    """The cause is the job's description, with its FailureReason."""
    request = workbench.request("raise SystemExit(7)")

    execution = _ended(account, _start(account, "sagemaker:createTrainingJob.sync", request))

    assert execution["error"] == "States.TaskFailed"
    assert "FailureReason" in json.loads(execution["cause"])


def test_a_refused_request_has_the_name_of_sagemaker(account: RunningAccount, workbench: Workbench) -> None:
    """What SageMaker refuses is SageMaker.AmazonSageMakerException, for Retry and Catch."""
    request = workbench.request("print()") | {"RoleArn": "arn:aws:iam::1:role/none"}

    execution = _ended(account, _start(account, "sagemaker:createTrainingJob", request))

    assert execution["error"] == "SageMaker.AmazonSageMakerException"
    assert "Service: AmazonSageMaker; Status Code: 400; Error Code: ValidationException; " in execution["cause"]


def test_a_stopped_execution_stops_its_job(account: RunningAccount, workbench: Workbench) -> None:
    """Nothing is left that trains for nobody."""
    name = f"job-{uuid.uuid4().hex[:8]}"
    arn = _start(
        account,
        "sagemaker:createTrainingJob.sync",
        workbench.request("import time; time.sleep(600)", TrainingJobName=name),
    )

    def is_training() -> bool:
        jobs = workbench.sagemaker.list_training_jobs(NameContains=name)["TrainingJobSummaries"]
        return bool(jobs and jobs[0]["TrainingJobStatus"] == "InProgress")

    eventually(is_training, 30, "the job")
    account.client("stepfunctions").stop_execution(executionArn=arn)

    assert workbench.ended(name)["TrainingJobStatus"] == "Stopped"


def test_a_role_must_be_allowed_the_managed_rule(account: RunningAccount) -> None:
    """Step Functions hears of a job's end by a rule of its own, which it makes with the machine's role.

    Source: Step Functions developer guide, "How Step Functions generates IAM policies for integrated services".
    """
    denied = {"Effect": "Deny", "Action": "events:*", "Resource": "*"}
    role = account.role(f"no-rules-{uuid.uuid4().hex[:8]}", denied)

    with pytest.raises(ClientError, match="is not authorized to create managed-rule") as caught:
        _machine(account, _task("sagemaker:createTrainingJob.sync", {}), role)

    assert caught.value.response["Error"]["Code"] == "AccessDeniedException"
