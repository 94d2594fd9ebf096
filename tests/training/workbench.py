"""A workbench for training jobs of the product's own script: a bucket, and jobs that are waited for."""

import io
import tarfile
import uuid
from dataclasses import dataclass
from typing import Any

from embedded_account.pytest_plugin import RunningAccount

from tests.waiting import wait_for

IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.8.0-cpu-py312-ubuntu22.04-sagemaker"
_LOG_GROUP = "/aws/sagemaker/TrainingJobs"


@dataclass(frozen=True)
class Workbench:
    """What a test needs to run jobs in the account."""

    account: RunningAccount
    bucket: str

    def put(self, key: str, content: bytes) -> str:
        """Upload `content`; return its S3 URI."""
        self.account.client("s3").put_object(Bucket=self.bucket, Key=key, Body=content)
        return f"s3://{self.bucket}/{key}"

    def start(self, request: dict[str, Any]) -> str:
        """Start a training job of `request`, with a name and an output path of its own; return its name."""
        name = f"job-{uuid.uuid4().hex[:8]}"
        self.account.client("sagemaker").create_training_job(
            TrainingJobName=name,
            RoleArn=f"arn:aws:iam::{self.account.info.account_id}:role/tester",
            OutputDataConfig={"S3OutputPath": f"s3://{self.bucket}/out"},
            **request,
        )
        return name

    def ended(self, name: str, seconds: float) -> dict[str, Any]:
        """Return the description of the training job `name` once it has ended."""
        sagemaker = self.account.client("sagemaker")

        def description() -> dict[str, Any] | None:
            job = sagemaker.describe_training_job(TrainingJobName=name)
            return dict(job) if job["TrainingJobStatus"] in {"Completed", "Failed", "Stopped"} else None

        return dict(wait_for(description, seconds))

    def log(self, name: str) -> list[str]:
        """Return the messages of the training job's log."""
        logs = self.account.client("logs")
        streams = logs.describe_log_streams(logGroupName=_LOG_GROUP, logStreamNamePrefix=f"{name}/")["logStreams"]
        return [
            event["message"]
            for stream in streams
            for event in logs.get_log_events(
                logGroupName=_LOG_GROUP, logStreamName=stream["logStreamName"], startFromHead=True
            )["events"]
        ]

    def keys(self, prefix: str) -> list[str]:
        """Return the first keys below `prefix`."""
        listed = self.account.client("s3").list_objects_v2(Bucket=self.bucket, Prefix=prefix)
        return [entry["Key"] for entry in listed.get("Contents", [])]

    def member(self, key: str, path: str) -> bytes:
        """Return one file of the .tar.gz at `key`."""
        return self.members(key)[path]

    def members(self, key: str) -> dict[str, bytes]:
        """Return the files of the .tar.gz at `key` by their paths."""
        body = self.account.client("s3").get_object(Bucket=self.bucket, Key=key)["Body"].read()
        with tarfile.open(fileobj=io.BytesIO(body), mode="r:gz") as archive:
            files = {one.name.removeprefix("./"): archive.extractfile(one) for one in archive if one.isfile()}
            return {name: file.read() for name, file in files.items() if file is not None}


def new_workbench(account: RunningAccount) -> Workbench:
    """Return one with a bucket of its own."""
    bucket = f"jobs-{uuid.uuid4().hex[:8]}"
    account.client("s3").create_bucket(Bucket=bucket)
    return Workbench(account, bucket)
