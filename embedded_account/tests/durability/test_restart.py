"""An account with a state folder, stopped or killed and started again."""

import json
import os
import pickle
import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from embedded_account.pytest_plugin import RunningAccount
from support.functions import make_function
from support.hosted import Hosting
from support.jobs import Workbench, new_workbench
from support.processes import wait_until_gone
from support.waiting import eventually

from embedded_account import control

pytestmark = [pytest.mark.slow, pytest.mark.account]

_TEMPLATE = json.dumps({
    "Resources": {
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {}},
        "Table": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "BillingMode": "PAY_PER_REQUEST",
                "KeySchema": [{"AttributeName": "Id", "KeyType": "HASH"}],
                "AttributeDefinitions": [{"AttributeName": "Id", "AttributeType": "S"}],
            },
        },
    },
    "Outputs": {"Table": {"Value": {"Ref": "Table"}}, "Queue": {"Value": {"Ref": "Queue"}}},
})  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Return the folder of an account; whatever runs there when the test ends is stopped."""
    yield tmp_path / ".local"
    control.stop(tmp_path / ".local")


def _start(folder: Path) -> RunningAccount:
    return RunningAccount(control.start(folder, state_folder=folder.with_name("state")), folder)


_MACHINES = {
    "passes": {"StartAt": "P", "States": {"P": {"Type": "Pass", "Result": {"x": 1}, "End": True}}},
    "waits": {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 3600, "End": True}}},
}


def _run(account: RunningAccount) -> dict[str, str]:
    """Start an execution that ends and one that goes on; return their ARNs by their machines' names."""
    sfn, started = account.client("stepfunctions"), {}
    for name, definition in _MACHINES.items():
        role = f"arn:aws:iam::{account.info.account_id}:role/tester"
        machine = sfn.create_state_machine(name=name, definition=json.dumps(definition), roleArn=role)
        started[name] = sfn.start_execution(stateMachineArn=machine["stateMachineArn"], name="kept")["executionArn"]
    eventually(lambda: sfn.describe_execution(executionArn=started["passes"])["status"] == "SUCCEEDED")
    account.client("cloudwatch").put_metric_data(
        Namespace="Kept", MetricData=[{"MetricName": "Sample", "Value": 3.0, "Unit": "Count"}]
    )
    return started


def _look_at_runs(account: RunningAccount, arns: dict[str, str]) -> None:
    """What has run is there with its history; what ran is ABORTED and says why; new ones run."""
    sfn = account.client("stepfunctions")
    ended = sfn.describe_execution(executionArn=arns["passes"])
    history = sfn.get_execution_history(executionArn=arns["passes"])["events"]
    assert (ended["status"], json.loads(ended["output"])) == ("SUCCEEDED", {"x": 1})
    assert [event["type"] for event in history][-1] == "ExecutionSucceeded"
    ran = sfn.describe_execution(executionArn=arns["waits"])
    assert ran["status"] == "ABORTED"
    assert "ended while the execution ran" in ran["cause"]
    assert sfn.get_execution_history(executionArn=arns["waits"], reverseOrder=True)["events"][0]["type"] == (
        "ExecutionAborted"
    )
    machine = ended["stateMachineArn"]
    again = sfn.start_execution(stateMachineArn=machine)["executionArn"]
    eventually(lambda: sfn.describe_execution(executionArn=again)["status"] == "SUCCEEDED")
    assert len(sfn.list_executions(stateMachineArn=machine)["executions"]) == 2
    now = time.time()
    points = account.client("cloudwatch").get_metric_statistics(
        Namespace="Kept",
        MetricName="Sample",
        StartTime=now - 3600,
        EndTime=now + 60,
        Period=3600,
        Statistics=["Sum"],
    )["Datapoints"]
    assert [point["Sum"] for point in points] == [3.0]


def _fill(account: RunningAccount) -> tuple[Workbench, str, str, str, str]:
    """Make one of each: objects, a stack with a table, a function, an endpoint, an ended and a running job."""
    for name in ("tester", "serving"):
        account.role(name)
    workbench = new_workbench(account)
    s3 = account.client("s3")
    s3.put_object(Bucket=workbench.bucket, Key="small", Body=b"small", Metadata={"who": "me"})
    s3.put_object(Bucket=workbench.bucket, Key="large", Body=b"x" * (3 << 20))
    s3.put_object(Bucket=workbench.bucket, Key="gone", Body=b"gone")
    s3.delete_object(Bucket=workbench.bucket, Key="gone")
    cloudformation = account.client("cloudformation")
    cloudformation.create_stack(StackName="kept", TemplateBody=_TEMPLATE)
    cloudformation.get_waiter("stack_create_complete").wait(StackName="kept", WaiterConfig={"Delay": 0.1})
    table = _outputs(account)["Table"]
    account.client("dynamodb").put_item(TableName=table, Item={"Id": {"S": "1"}, "Value": {"N": "2"}})
    function = make_function(account, "def handler(event, context):\n    return 'kept'\n")
    function.client.put_function_concurrency(FunctionName=function.name, ReservedConcurrentExecutions=3)
    endpoint = Hosting(account.client).endpoint("kept")
    ended = workbench.ended(workbench.start("print('score=1')"))["TrainingJobName"]
    runs = workbench.start("import time; time.sleep(60)")
    workbench.reached(runs, {"Training"})
    return workbench, function.name, endpoint, ended, runs


def _outputs(account: RunningAccount) -> dict[str, str]:
    stack = account.client("cloudformation").describe_stacks(StackName="kept")["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def test_what_was_stored_survives_a_stop(folder: Path) -> None:
    """The last save is made while the account stops, so nothing is too young for it."""
    account = _start(folder)
    account.role("tester")
    account.client("s3").create_bucket(Bucket="late")
    account.client("s3").put_object(Bucket="late", Key="k", Body=b"late")
    key = account.client("kms").create_key(Tags=[{"TagKey": "a", "TagValue": "b"}])["KeyMetadata"]["KeyId"]
    account.client("kms").schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    function = make_function(account, "def handler(event, context): pass\n")
    function.client.create_function_url_config(FunctionName=function.name, AuthType="AWS_IAM")
    control.stop(account.folder)

    again = _start(folder)

    body = again.client("s3").get_object(Bucket="late", Key="k")["Body"].read()
    url = again.client("lambda").get_function_url_config(FunctionName=function.name)["FunctionUrl"]
    with pytest.raises(HTTPError, match="403"):  # it listens, and asks for a signature
        urlopen(url, timeout=10)
    assert body == b"late"
    assert again.client("kms").describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    assert again.client("kms").list_resource_tags(KeyId=key)["Tags"] == [{"TagKey": "a", "TagValue": "b"}]
    assert again.info.lost == []


def test_what_was_stored_survives_a_kill_and_what_ran_has_failed(folder: Path) -> None:
    """Everything that is stored comes back at one address; a job that ran has failed, an execution is aborted."""
    account = _start(folder)
    workbench, function, endpoint, ended, runs = _fill(account)
    executions = _run(account)
    _wait_until_saved(account)
    os.kill(account.info.pid, signal.SIGKILL)
    wait_until_gone(account.info.pid)

    again = _start(folder)
    s3 = again.client("s3")
    small = s3.get_object(Bucket=workbench.bucket, Key="small")
    assert again.info.url == account.info.url
    assert again.info.access_key_id == account.info.access_key_id
    assert (small["Body"].read(), small["Metadata"]) == (b"small", {"who": "me"})
    assert s3.get_object(Bucket=workbench.bucket, Key="large")["Body"].read() == b"x" * (3 << 20)
    assert "gone" not in {each["Key"] for each in s3.list_objects_v2(Bucket=workbench.bucket)["Contents"]}
    outputs = _outputs(again)
    item = again.client("dynamodb").get_item(TableName=outputs["Table"], Key={"Id": {"S": "1"}})["Item"]
    assert item["Value"] == {"N": "2"}
    again.client("sqs").send_message(QueueUrl=outputs["Queue"], MessageBody="m")
    answer = again.client("lambda").invoke(FunctionName=function)
    assert json.loads(answer["Payload"].read()) == "kept"
    reserved = again.client("lambda").get_function_concurrency(FunctionName=function)
    assert reserved["ReservedConcurrentExecutions"] == 3
    hosting = Hosting(again.client)
    assert hosting.settled(endpoint)["EndpointStatus"] == "InService"
    assert b"kept" in hosting.invoke(endpoint)["Body"].read()
    sagemaker = again.client("sagemaker")
    assert sagemaker.describe_training_job(TrainingJobName=ended)["TrainingJobStatus"] == "Completed"
    lost = eventually(lambda: _failed(sagemaker, runs))
    assert "the embedded account ended while the job ran" in lost
    assert any(runs in line for line in again.info.lost)
    _look_at_runs(again, executions)
    again.client("cloudformation").delete_stack(StackName="kept")
    log = (folder / "account.log").read_text()
    assert "is not saved" not in log
    assert "starts empty" not in log


class Planted:
    """What a pickle of it would do when it is read: make a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (str(self._path), "w")


def test_a_planted_file_is_refused_in_words(folder: Path, tmp_path: Path) -> None:
    """What would run at the start is set aside, unread; the rest comes back, and the folder is its owner's alone."""
    account, state = _start(folder), tmp_path / "state"
    account.client("s3").create_bucket(Bucket="beside")
    control.stop(account.folder)
    planted = tmp_path / "planted"
    (state / "sns.pickle").write_bytes(pickle.dumps({"topics": Planted(planted)}))
    state.chmod(0o755)

    again = _start(folder)

    assert not planted.exists()
    assert [bucket["Name"] for bucket in again.client("s3").list_buckets()["Buckets"]] == ["beside"]
    assert again.client("sns").list_topics()["Topics"] == []
    assert (state / "sns.refused").exists()
    log = (folder / "account.log").read_text()
    refused = f"state: names {open.__module__}.open, which is no data"
    assert f"sns.pickle is set aside, and 'sns' starts empty: {refused}" in log
    assert state.stat().st_mode & 0o777 == folder.stat().st_mode & 0o777 == 0o700


def _wait_until_saved(account: RunningAccount) -> None:
    """Return once all that is there has been saved: between two marks that were saved lies a whole save."""
    for mark in ("FirstMark", "SecondMark"):
        account.client("cloudwatch").put_metric_data(Namespace="Kept", MetricData=[{"MetricName": mark, "Value": 1.0}])
        path = account.folder.with_name("state") / "metrics.pickle"
        eventually(partial(_holds, path, mark.encode()))


def _holds(path: Path, mark: bytes) -> bool:
    return path.exists() and mark in path.read_bytes()


def _failed(sagemaker: object, name: str) -> str:
    job = sagemaker.describe_training_job(TrainingJobName=name)  # type: ignore[attr-defined]
    return str(job["FailureReason"]) if job["TrainingJobStatus"] == "Failed" else ""
