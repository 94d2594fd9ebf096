"""Training jobs that fail, are stopped or are refused."""

import contextlib
from typing import Any

import psutil
import pytest
from botocore.exceptions import ClientError
from embedded_account.sagemaker.training.cores import num_cores
from support.jobs import RULE, Workbench, channel
from support.waiting import eventually


def test_exception_of_the_script_is_the_failure_reason(workbench: Workbench) -> None:
    """The message reaches FailureReason in the toolkit's form, and no model is uploaded.

    Source: SageMaker developer guide, "How Amazon SageMaker AI Runs Your Training Image".
    """
    job = workbench.ended(workbench.start("raise ValueError('class rose has 1 image')"))

    assert job["TrainingJobStatus"] == job["SecondaryStatus"] == "Failed"
    assert job["FailureReason"].startswith('AlgorithmError: ExecuteUserScriptError:\nExitCode 1\nErrorMessage "')
    assert "class rose has 1 image" in job["FailureReason"]
    assert job["FailureReason"].endswith(", exit code: 1")
    assert job["ModelArtifacts"] == {}


def test_failure_file_of_the_script_wins(workbench: Workbench) -> None:
    """A script that writes output/failure says why in its own words, cut at 1,024 characters.

    Source: SageMaker developer guide, "Amazon SageMaker AI Training Storage Folders for Training Datasets,
    Checkpoints, Model Artifacts, and Outputs".
    """
    job = workbench.ended(
        workbench.start(
            """
            import os, pathlib, sys
            pathlib.Path(os.environ["SM_OUTPUT_DIR"], "failure").write_text("no images: " + "x" * 5000)
            sys.exit(3)
            """
        )
    )

    assert job["FailureReason"].startswith("AlgorithmError: no images: xxx")
    assert len(job["FailureReason"]) <= 1024


def test_channel_with_a_key_that_is_not_the_roles_fails_the_job(workbench: Workbench) -> None:
    """SageMaker reads as the job's role, which needs kms:Decrypt of the objects' key.

    Source: SageMaker developer guide, "SageMaker AI Roles"; S3 user guide, "Using server-side encryption with AWS KMS
    keys".
    """
    key = workbench.account.client("kms").create_key()["KeyMetadata"]["Arn"]
    encrypted = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
    workbench.account.client("s3").put_object(Bucket=workbench.bucket, Key="secret/1", Body=b"x", **encrypted)
    source = channel("train", f"s3://{workbench.bucket}/secret/")

    job = workbench.ended(workbench.start("print()", InputDataConfig=[source]))

    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: Data download failed:")
    assert f"is not authorized to perform: kms:Decrypt on resource: {key}" in job["FailureReason"]


def test_empty_channel_fails_the_job_by_its_uri(workbench: Workbench) -> None:
    """A prefix without objects is named.

    Source: SageMaker API reference, CreateTrainingJob.
    """
    uri = f"s3://{workbench.bucket}/nothing-here/"

    job = workbench.ended(workbench.start("print()", InputDataConfig=[channel("train", uri)]))

    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: Data download failed:No S3 objects found")
    assert uri in job["FailureReason"]


def test_manifest_of_a_missing_object_fails_the_job(workbench: Workbench) -> None:
    """The object that the manifest lists in vain is named.

    Source: SageMaker API reference, CreateTrainingJob.
    """
    manifest = workbench.put("bad.manifest", f'[{{"prefix": "s3://{workbench.bucket}/"}}, "gone.png"]')

    job = workbench.ended(workbench.start("print()", InputDataConfig=[channel("train", manifest, "ManifestFile")]))

    assert f"s3://{workbench.bucket}/gone.png" in job["FailureReason"]


def test_unknown_image_fails_the_job_by_its_name(workbench: Workbench) -> None:
    """An image that is none of AWS's PyTorch ones is not pretended to run.

    Source: SageMaker API reference, CreateTrainingJob.
    """
    image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/own-image:latest"
    algorithm = workbench.definition()["AlgorithmSpecification"] | {"TrainingImage": image}

    job = workbench.ended(workbench.start("print()", AlgorithmSpecification=algorithm))

    assert job["FailureReason"].startswith("ClientError: ")
    assert image in job["FailureReason"]


def test_missing_output_bucket_fails_before_training(workbench: Workbench) -> None:
    """Nobody waits for a training whose model could not be kept.

    Source: SageMaker API reference, CreateTrainingJob.
    """
    job = workbench.ended(workbench.start("print()", OutputDataConfig={"S3OutputPath": "s3://no-such-bucket/out"}))

    assert "'no-such-bucket'" in job["FailureReason"]
    assert "Training" not in [item["Status"] for item in job["SecondaryStatusTransitions"]]


def test_stopped_script_may_save_its_work(workbench: Workbench) -> None:
    """StopTrainingJob sends SIGTERM; what the script then writes is uploaded, and what it started is ended.

    Source: SageMaker API reference, StopTrainingJob.
    """
    name = workbench.start(
        """
        import os, pathlib, signal, subprocess, sys, time

        def save(*_):
            pathlib.Path(os.environ["SM_MODEL_DIR"], "checkpoint.txt").write_text("epoch 3")
            sys.exit(0)

        signal.signal(signal.SIGTERM, save)
        child = subprocess.Popen(["sleep", "300"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        print(f"started {child.pid}")
        time.sleep(300)
        """
    )
    child = int(_line(workbench, name, "started").split()[1])
    workbench.sagemaker.stop_training_job(TrainingJobName=name)

    job = workbench.ended(name)

    assert job["TrainingJobStatus"] == job["SecondaryStatus"] == "Stopped"
    assert [item["Status"] for item in job["SecondaryStatusTransitions"]][-3:] == ["Stopping", "Uploading", "Stopped"]
    assert workbench.members(job["ModelArtifacts"]["S3ModelArtifacts"]) == {"checkpoint.txt": b"epoch 3"}
    assert not _is_running(child)


def test_job_that_waits_for_cores_can_be_stopped(workbench: Workbench) -> None:
    """A job in the queue stops at once, without having trained.

    Source: SageMaker API reference, StopTrainingJob.
    """
    cores_each = max(1, num_cores() - 1)
    running = [workbench.start("import time; time.sleep(300)") for _ in range(num_cores() // cores_each)]
    for name in running:
        workbench.reached(name, {"Training"})
    waiting = workbench.start("print()")

    workbench.sagemaker.stop_training_job(TrainingJobName=waiting)
    job = workbench.ended(waiting, seconds=10)
    for name in running:
        workbench.sagemaker.stop_training_job(TrainingJobName=name)
        workbench.ended(name)

    assert [item["Status"] for item in job["SecondaryStatusTransitions"]] == ["Starting", "Stopping", "Stopped"]


def test_job_over_its_time_is_stopped(workbench: Workbench) -> None:
    """MaxRuntimeInSeconds ends the training, not the job's artifacts.

    Source: SageMaker API reference, StoppingCondition.
    """
    job = workbench.ended(workbench.start("import time; time.sleep(300)", StoppingCondition={"MaxRuntimeInSeconds": 1}))

    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert "S3ModelArtifacts" in job["ModelArtifacts"]


def test_unknown_job_is_not_found(workbench: Workbench) -> None:
    """DescribeTrainingJob answers a missing job with ValidationException, as SageMaker does.

    Source: SageMaker API reference, DescribeTrainingJob.
    """
    with pytest.raises(ClientError, match="Requested resource not found") as caught:
        workbench.sagemaker.describe_training_job(TrainingJobName="never-started")

    assert caught.value.response["Error"]["Code"] == "ValidationException"


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"TrainingJobName": "x" * 64}, "ValidationException", "length less than or equal to 63"),
        ({"TrainingJobName": "a_b"}, "ValidationException", "regular expression pattern"),
        ({"VpcConfig": {"SecurityGroupIds": ["sg-1"], "Subnets": ["s-1"]}}, "NotImplemented", "VpcConfig"),
        ({"EnableManagedSpotTraining": True}, "ValidationException", "MaxWaitTimeInSeconds above 0 is required"),
        (
            {
                "EnableManagedSpotTraining": True,
                "StoppingCondition": {"MaxRuntimeInSeconds": 20, "MaxWaitTimeInSeconds": 10},
            },
            "ValidationException",
            "greater than or equal to MaxRuntimeInSeconds",
        ),
        (
            {"StoppingCondition": {"MaxRuntimeInSeconds": 20, "MaxWaitTimeInSeconds": 30}},
            "ValidationException",
            "only when EnableManagedSpotTraining",
        ),
        (
            {
                "EnableManagedSpotTraining": True,
                "StoppingCondition": {"MaxRuntimeInSeconds": 20, "MaxWaitTimeInSeconds": 30},
                "ResourceConfig": {
                    "InstanceType": "ml.m5.xlarge",
                    "InstanceCount": 1,
                    "VolumeSizeInGB": 1,
                    "KeepAlivePeriodInSeconds": 60,
                },
            },
            "ValidationException",
            "KeepAlivePeriodInSeconds is not supported",
        ),
        ({"CheckpointConfig": {"S3Uri": "https://x/y"}}, "ValidationException", "s3://bucket/key"),
        ({"CheckpointConfig": {"S3Uri": "s3://b/c", "LocalPath": "/home/c"}}, "NotImplemented", "/home/c"),
        ({"CheckpointConfig": {"S3Uri": "s3://b/c", "LocalPath": "/opt/ml/model"}}, "NotImplemented", "/opt/ml/model"),
        ({"EnableNetworkIsolation": True}, "NotImplemented", "EnableNetworkIsolation"),
        ({"RoleArn": "arn:aws:iam::123456789012:role/none"}, "ValidationException", "Could not assume role"),
        ({"OutputDataConfig": {"S3OutputPath": "https://x/y"}}, "ValidationException", "s3://bucket/key"),
        (
            {"ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 99, "VolumeSizeInGB": 1}},
            "ResourceLimitExceeded",
            "99",
        ),
        (
            {"InputDataConfig": [channel("train", "s3://b/c"), channel("train", "s3://b/c")]},
            "ValidationException",
            "'train' is given twice",
        ),
        ({"ProfilerConfig": {"S3OutputPath": "https://x/y"}}, "ValidationException", "s3://bucket/key"),
        (
            {"ProfilerConfig": {"S3OutputPath": "s3://b/c", "ProfilingIntervalInMilliseconds": 300}},
            "ValidationException",
            "ProfilingIntervalInMilliseconds: 300",
        ),
        ({"DebugRuleConfigurations": [RULE, RULE]}, "ValidationException", "'LossNotDecreasing' is given twice"),
    ],
)
def test_request_is_refused_by_name(workbench: Workbench, changes: dict[str, Any], code: str, words: str) -> None:
    """What SageMaker refuses, or this account does not carry out, starts nothing and says which member it is.

    Source: SageMaker API reference, CreateTrainingJob.
    """
    with pytest.raises(ClientError, match=words) as caught:
        workbench.start("print()", **changes)

    assert caught.value.response["Error"]["Code"] == code


def _line(workbench: Workbench, name: str, word: str) -> str:
    def first() -> str:
        with contextlib.suppress(ClientError):  # the log group comes with the first line
            return next((line for line in workbench.log(name) if line.startswith(word)), "")
        return ""

    return eventually(first, 20, f"a line {word!r} of training job {name!r}")


def _is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
