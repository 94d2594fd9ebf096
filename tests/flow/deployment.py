"""A stack in a running embedded account, and the command line that works on it."""

import json
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from handlers.ledger import Run
from tests.waiting import wait_for

REPOSITORY = Path(__file__).resolve().parents[2]
SMALL = {
    "ModelName": "resnet18",
    "Weights": "none",
    "Trainable": "full",
    "ImageSize": 32,
    "Epochs": 4,
    "TuningEpochs": 1,
    "MaxTuningJobs": 1,
    "MaxParallelTuningJobs": 1,
    "MinImagesPerClass": 2,
    "AccuracyThreshold": 0.6,
    "WhenUndecided": "deploy",
    "ReplaceDataset": "*",
    "CanaryWaitSeconds": 0,
    "TerminationWaitSeconds": 1,
    "PredictReservedConcurrency": 2,
    "PredictProvisionedConcurrency": 1,
}


@dataclass(frozen=True)
class Deployment:
    """A stack in a running embedded account, and the command line that works on it."""

    account: Any
    name: str

    def run(self, *arguments: str, check: bool = True, seconds: float = 240) -> "subprocess.CompletedProcess[str]":
        """Run `deploy.py ARGUMENTS --local` as a person would; with `check` it must succeed."""
        done = subprocess.run(
            [sys.executable, "deploy.py", *arguments, "--local", "--stack-name", self.name],
            cwd=REPOSITORY,
            env=self.account.environment() | {"RETRIEVER_LOCAL_FOLDER": str(self.account.folder)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        assert not check or done.returncode == 0, (
            f"{arguments} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        )
        return done

    def up(self, **parameters: object) -> None:
        """Create or update the stack with SMALL and `parameters`."""
        pairs = [f"{name}={value}" for name, value in (SMALL | parameters).items()]
        self.run("up", *(argument for pair in pairs for argument in ("--parameter", pair)))

    def client(self, service: str) -> Any:
        """Return a boto3 client of the account's root; made once, since that takes longer than most calls."""
        if service not in self._clients:
            self._clients[service] = self.account.client(service)
        return self._clients[service]

    @cached_property
    def _clients(self) -> dict[str, Any]:
        return {}

    @cached_property
    def outputs(self) -> dict[str, str]:
        """The stack's outputs."""
        stack = self.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"][0]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def put(self, key: str, body: bytes = b"") -> None:
        """Put an object into the data bucket, as any S3 client may."""
        self.client("s3").put_object(Bucket=self.outputs["DataBucketName"], Key=key, Body=body)

    def executions(self) -> list[dict[str, Any]]:
        """Return the executions, newest first."""
        sfn = self.client("stepfunctions")
        listed: list[dict[str, Any]] = sfn.list_executions(stateMachineArn=self.outputs["StateMachineArn"])[
            "executions"
        ]
        return listed

    def wait_for_execution(self, dataset: str, *, seconds: float = 60) -> str:
        """Return the ARN of the newest execution of `dataset`, once there is one."""
        arn: str = wait_for(
            lambda: next((e["executionArn"] for e in self.executions() if e["name"].startswith(f"{dataset}-")), None),
            seconds,
        )
        return arn

    def wait_until_ended(self, arn: str, *, seconds: float = 180) -> dict[str, Any]:
        """Return the description of an execution once it has ended."""

        def ended() -> dict[str, Any] | None:
            execution = self.client("stepfunctions").describe_execution(executionArn=arn)
            return execution if execution["status"] != "RUNNING" else None

        execution: dict[str, Any] = wait_for(ended, seconds)
        return execution

    def record(self, arn: str) -> dict[str, Any]:
        """Return the run record of an execution as plain values."""
        from boto3.dynamodb.types import TypeDeserializer

        key = {"Id": {"S": Run.key_of(arn.rpartition(":")[2])}}
        item = self.client("dynamodb").get_item(TableName=self.outputs["TableName"], Key=key)["Item"]
        return {name: TypeDeserializer().deserialize(value) for name, value in item.items()}

    def predict(self, event: dict[str, Any]) -> dict[str, Any]:
        """Invoke the prediction alias as an app does; return its answer, the body parsed."""
        answer = self.client("lambda").invoke(
            FunctionName=self.outputs["PredictAliasArn"], Payload=json.dumps(event).encode()
        )
        payload: dict[str, Any] = json.load(answer["Payload"])
        assert "FunctionError" not in answer, payload
        return payload | {"body": json.loads(payload["body"])}

    def switch_schedule(self, name: str, state: str) -> None:
        """Let a schedule of the stack be ENABLED or DISABLED; `name` is what follows the stack's."""
        scheduler = self.client("scheduler")
        schedule = scheduler.get_schedule(Name=f"{self.name}-{name}")
        kept = ("Name", "ScheduleExpression", "FlexibleTimeWindow", "Target")
        scheduler.update_schedule(**{member: schedule[member] for member in kept}, State=state)


def answers_of(stack: Deployment, dataset: str) -> list[str]:
    """Return what the function logged of each event of `dataset`, a line each."""
    name = stack.outputs["StartExecutionFunctionName"]
    pages = stack.client("logs").get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{name}")
    lines = [event["message"] for page in pages for event in page["events"]]
    started = [line for line in lines if '"execution started"' in line and f'"{dataset}-' in line]
    return started + [line for line in lines if '"nothing started"' in line and f"dataset '{dataset}'" in line]


def executions_of(stack: Deployment, dataset: str) -> list[str]:
    """Return the ARNs of the executions of `dataset`, newest first."""
    return [each["executionArn"] for each in stack.executions() if each["name"].startswith(f"{dataset}-")]
