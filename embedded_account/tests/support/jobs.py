"""A workbench for jobs: a bucket, a role and small scripts that SageMaker trains with."""

import io
import tarfile
import textwrap
import uuid
from dataclasses import dataclass
from typing import Any

from support.waiting import eventually

IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.8.0-cpu-py312-ubuntu22.04-sagemaker"
# A rule of SageMaker Debugger as the SDK asks for it.
RULE = {
    "RuleConfigurationName": "LossNotDecreasing",
    "RuleEvaluatorImage": "503895931360.dkr.ecr.us-east-1.amazonaws.com/sagemaker-debugger-rules:latest",
    "RuleParameters": {"rule_to_invoke": "LossNotDecreasing"},
}
_ENDED = {"Completed", "Failed", "Stopped"}


@dataclass(frozen=True)
class Workbench:
    """What a test needs to run jobs in the account."""

    account: Any
    bucket: str
    role_arn: str

    @property
    def sagemaker(self) -> Any:
        """Return a client."""
        return self.account.client("sagemaker")

    def put(self, key: str, content: bytes | str) -> str:
        """Upload `content`; return its S3 URI."""
        self.account.client("s3").put_object(Bucket=self.bucket, Key=key, Body=content)
        return f"s3://{self.bucket}/{key}"

    def source(self, script: str) -> str:
        """Upload a source archive whose train.py is `script`; return its S3 URI."""
        return self.put(f"source/{uuid.uuid4().hex}.tar.gz", source_archive(script))

    def definition(self, **changes: Any) -> dict[str, Any]:
        """Return what a training job's request and a tuning job's definition have in common."""
        return {
            "RoleArn": self.role_arn,
            "AlgorithmSpecification": {
                "TrainingImage": IMAGE,
                "TrainingInputMode": "File",
                "MetricDefinitions": [{"Name": "score", "Regex": r"score=([0-9.eE+\-nainf]+)"}],
            },
            "OutputDataConfig": {"S3OutputPath": f"s3://{self.bucket}/out"},
            "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 10},
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        } | changes

    def hyperparameters(self, script: str, **more: str) -> dict[str, str]:
        """Return those by which the toolkit finds `script`, and `more`."""
        return {"sagemaker_program": "train.py", "sagemaker_submit_directory": self.source(script)} | more

    def request(self, script: str, **changes: Any) -> dict[str, Any]:
        """Return a CreateTrainingJob request, with `changes`, for a job of a name of its own."""
        named = {"TrainingJobName": f"job-{uuid.uuid4().hex[:8]}", "HyperParameters": self.hyperparameters(script)}
        return self.definition() | named | changes

    def start(self, script: str, **changes: Any) -> str:
        """Start a training job; return its name."""
        request = self.request(script, **changes)
        self.sagemaker.create_training_job(**request)
        return str(request["TrainingJobName"])

    def ended(self, name: str, seconds: float = 60.0) -> dict[str, Any]:
        """Return the description of the training job `name` once it has ended."""
        return self.reached(name, _ENDED, seconds)

    def reached(self, name: str, statuses: set[str], seconds: float = 60.0) -> dict[str, Any]:
        """Return the description of `name` once its status or secondary status is among `statuses`."""

        def reached() -> dict[str, Any]:
            job = self.sagemaker.describe_training_job(TrainingJobName=name)
            return dict(job) if {job["TrainingJobStatus"], job["SecondaryStatus"]} & statuses else {}

        return eventually(reached, seconds, f"{sorted(statuses)} of training job {name!r}")

    def tune(
        self, script: str, config: dict[str, Any], warm_start: dict[str, Any] | None = None, **changes: Any
    ) -> str:
        """Start a tuning job with `config` over `script`; return its name."""
        name = f"tune-{uuid.uuid4().hex[:8]}"
        definition = self.definition(StaticHyperParameters=self.hyperparameters(script), **changes)
        self.sagemaker.create_hyper_parameter_tuning_job(
            HyperParameterTuningJobName=name,
            HyperParameterTuningJobConfig=config,
            TrainingJobDefinition=definition,
            **(warm_start or {}),
        )
        return name

    def tuned(self, name: str, seconds: float = 60.0) -> dict[str, Any]:
        """Return the description of the tuning job `name` once it has ended."""

        def ended() -> dict[str, Any]:
            job = self.sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
            return dict(job) if job["HyperParameterTuningJobStatus"] in _ENDED else {}

        return eventually(ended, seconds, f"the end of tuning job {name!r}")

    def log(self, name: str) -> list[str]:
        """Return the messages of the training job's log so far."""
        logs = self.account.client("logs")
        group = "/aws/sagemaker/TrainingJobs"
        streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{name}/")["logStreams"]
        return [
            event["message"]
            for stream in streams
            for event in logs.get_log_events(
                logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True
            )["events"]
        ]

    def members(self, uri: str) -> dict[str, bytes]:
        """Return the files of the .tar.gz at `uri`."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        body = self.account.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        with tarfile.open(fileobj=io.BytesIO(body), mode="r:gz") as tar:
            return {
                member.name: file.read() for member in tar.getmembers() if (file := tar.extractfile(member)) is not None
            }


def source_archive(script: str) -> bytes:
    """Return a source archive whose train.py is `script`."""
    content = textwrap.dedent(script).encode()
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        member = tarfile.TarInfo("train.py")
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return archive.getvalue()


def new_workbench(account: Any) -> Workbench:
    """Create a bucket and a role for jobs."""
    name = f"jobs-{uuid.uuid4().hex[:8]}"
    account.client("s3").create_bucket(Bucket=name)
    objects = {
        "Effect": "Allow",
        "Action": ["s3:GetObject", "s3:PutObject", "s3:ListBucket"],
        "Resource": [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"],
    }
    rest = {"Effect": "Allow", "Action": ["ecr:*", "logs:*", "cloudwatch:PutMetricData"], "Resource": "*"}
    role_arn = account.role(name, objects, rest, services=("sagemaker", "states"))
    return Workbench(account, name, role_arn)


def channel(name: str, uri: str, data_type: str = "S3Prefix") -> dict[str, Any]:
    """Return an input channel on `uri`."""
    return {"ChannelName": name, "DataSource": {"S3DataSource": {"S3DataType": data_type, "S3Uri": uri}}}
