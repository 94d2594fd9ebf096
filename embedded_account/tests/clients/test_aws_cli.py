"""The AWS CLI as PyPI has it, unmodified and with its own botocore, on the embedded account."""

import json
import os
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import pytest
from embedded_account.pytest_plugin import RunningAccount
from support.functions import make_function, role
from support.jobs import new_workbench
from support.pauses import short_pauses

pytestmark = pytest.mark.slow

_AWS = Path(sys.executable).with_name("aws")
_TEMPLATE = """
AWSTemplateFormatVersion: "2010-09-09"
Parameters:
  Retention: {Type: Number, Default: 60}
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties: {MessageRetentionPeriod: !Ref Retention}
Outputs:
  QueueUrl: {Value: !Ref Queue}
"""


def _aws(account: RunningAccount, *arguments: str, returncode: int = 0) -> str:
    """Run `aws ARGUMENTS` as a person would, with the variables that `embedded-account status` prints."""
    done = subprocess.run(
        [str(_AWS), *arguments],
        env=account.environment() | {"AWS_PAGER": "", "AWS_MAX_ATTEMPTS": "1"} | short_pauses("/aws"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == returncode, f"aws {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + (done.stderr if returncode else "")


def _json(account: RunningAccount, *arguments: str) -> Any:
    return json.loads(_aws(account, *arguments, "--output", "json"))


def test_s3_sync_copies_what_differs_both_ways(account: RunningAccount, tmp_path: Path) -> None:
    """A second sync copies nothing, since sizes and times agree; --delete removes what the source has lost."""
    bucket, source, back = f"s3://sync-{uuid.uuid4().hex[:8]}", tmp_path / "source", tmp_path / "back"
    (source / "rose").mkdir(parents=True)
    (source / "rose" / "1 (copy).jpg").write_bytes(b"1" * 10)
    (source / "large.bin").write_bytes(b"x" * (9 << 20))  # over 8 MB the CLI uploads in parts
    for path in source.rglob("*.*"):
        os.utime(path, (1.7e9, 1.7e9))  # S3 tells whole seconds, and what is older than its copy has not changed

    _aws(account, "s3", "mb", bucket)
    first = _aws(account, "s3", "sync", str(source), f"{bucket}/datasets/d")
    second = _aws(account, "s3", "sync", str(source), f"{bucket}/datasets/d")
    _aws(account, "s3", "sync", f"{bucket}/datasets/d", str(back))
    (source / "large.bin").unlink()
    third = _aws(account, "s3", "sync", str(source), f"{bucket}/datasets/d", "--delete")

    assert first.count("upload:") == 2
    assert second == ""
    assert (back / "rose" / "1 (copy).jpg").read_bytes() == b"1" * 10
    assert (back / "large.bin").stat().st_size == 9 << 20
    assert third.startswith("delete:")


def test_lambda_invoke_writes_the_answer(account: RunningAccount, tmp_path: Path) -> None:
    """The answer lies in the file, the status and the log's tail in the CLI's own answer."""
    source = "def handler(event, context):\n    print('seen')\n    return {'got': event}\n"
    name = make_function(account, source).name
    out = tmp_path / "out.json"

    printed = _json(
        account, "lambda", "invoke", "--function-name", name, "--payload", '{"a": 1}', "--log-type", "Tail", str(out)
    )

    assert json.loads(out.read_text()) == {"got": {"a": 1}}
    assert (printed["StatusCode"], printed["ExecutedVersion"]) == (200, "$LATEST")
    assert "LogResult" in printed


def test_stepfunctions_describe_execution_tells_the_outcome(account: RunningAccount) -> None:
    """Status, input and output are those of the execution that the CLI started."""
    definition = {"StartAt": "Done", "States": {"Done": {"Type": "Pass", "Result": {"ok": True}, "End": True}}}
    arn = account.client("stepfunctions").create_state_machine(
        name=f"cli-{uuid.uuid4().hex[:8]}", definition=json.dumps(definition), roleArn=role(account)
    )["stateMachineArn"]

    started = _json(account, "stepfunctions", "start-execution", "--state-machine-arn", arn, "--input", '{"n": 1}')
    printed = _json(account, "stepfunctions", "describe-execution", "--execution-arn", started["executionArn"])

    assert printed["status"] in {"RUNNING", "SUCCEEDED"}
    assert json.loads(printed["input"]) == {"n": 1}


def test_sagemaker_wait_returns_when_the_job_has_ended(account: RunningAccount) -> None:
    """`aws sagemaker wait training-job-completed-or-stopped` ends with 255 for a job that has failed."""
    workbench = new_workbench(account)
    failed = workbench.ended(workbench.start("raise ValueError('no')"))["TrainingJobName"]
    wait = ("sagemaker", "wait", "training-job-completed-or-stopped", "--training-job-name", failed)

    assert "Waiter encountered a terminal failure state" in _aws(account, *wait, returncode=255)


def test_cloudformation_deploy_makes_a_stack_and_sees_no_change(account: RunningAccount, tmp_path: Path) -> None:
    """`deploy` makes a change set and executes it, passes parameters on, and says when nothing has changed."""
    (tmp_path / "template.yaml").write_text(_TEMPLATE)
    stack = f"cli-{uuid.uuid4().hex[:8]}"
    deploy = ("cloudformation", "deploy", "--stack-name", stack, "--template-file", str(tmp_path / "template.yaml"))

    _aws(account, *deploy, "--parameter-overrides", "Retention=120")
    time.sleep(1)  # real time: the command names its change sets by the second
    nothing = _aws(account, *deploy, "--no-fail-on-empty-changeset")

    described = account.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    url = described["Outputs"][0]["OutputValue"]
    attributes = account.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert (described["StackStatus"], attributes["MessageRetentionPeriod"]) == ("CREATE_COMPLETE", "120")
    assert "No changes to deploy" in nothing
