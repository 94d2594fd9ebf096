"""The training job that tries other instances."""

import json
import re

from hypothesis import given
from hypothesis import strategies as st

from ops.instances.shapes import Shape, hyperparameters, job_name, job_request

DESCRIBED = {
    "TrainingJobName": "flowers-5f219e7d0e7c-1",
    "RoleArn": "arn:aws:iam::123456789012:role/job",
    "AlgorithmSpecification": {"TrainingImage": "old", "TrainingInputMode": "File"},
    "HyperParameters": {
        "epochs": "20", "patience": "5", "lr": "0.001", "champion_name": '"earlier-1"', "profile": "4",
        "sagemaker_torch_distributed_enabled": "true", "sagemaker_instance_type": '"ml.m5.large"',
    },
    "InputDataConfig": [{"ChannelName": "train"}, {"ChannelName": "champion"}],
    "OutputDataConfig": {"S3OutputPath": "s3://bucket/runs/flowers-5f219e7d0e7c-1/training", "KmsKeyId": "k"},
    "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 50},
    "CheckpointConfig": {"S3Uri": "s3://bucket/checkpoints"},
    "EnableManagedSpotTraining": True,
}  # fmt: skip


def test_a_try_differs_from_the_run_in_what_is_compared_alone() -> None:
    """Data, code and hyperparameters are the run's; instances, epochs and the place of the output are its own."""
    request = job_request(DESCRIBED, Shape("ml.g5.xlarge", 1), 3, "gpu-image", [])

    assert request["HyperParameters"] == {"epochs": "3", "patience": "0", "lr": "0.001"}
    assert request["InputDataConfig"] == [{"ChannelName": "train"}]
    assert request["AlgorithmSpecification"] == {"TrainingImage": "gpu-image", "TrainingInputMode": "File"}
    assert request["OutputDataConfig"]["S3OutputPath"] == "s3://bucket/runs/flowers-5f219e7d0e7c-1/training/compare"
    assert request["ResourceConfig"] == {"InstanceType": "ml.g5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 50}
    assert not {"CheckpointConfig", "EnableManagedSpotTraining"} & request.keys()


def test_several_instances_train_together() -> None:
    """More than one instance is what SageMaker's own SDK asks for with torch_distributed."""
    values = hyperparameters(DESCRIBED["HyperParameters"], Shape("ml.g5.xlarge", 2), 3)  # type: ignore[arg-type]

    assert json.loads(values["sagemaker_torch_distributed_enabled"]) is True
    assert json.loads(values["sagemaker_instance_type"]) == "ml.g5.xlarge"


@given(st.from_regex(r"[a-z0-9](-?[a-z0-9]){0,62}", fullmatch=True), st.integers(1, 20), st.integers(1, 20))
def test_a_name_is_one_of_sagemakers_and_stands_for_one_try(job: str, count: int, epochs: int) -> None:
    """It fits, whatever the run is called, and another count or number of epochs has another."""
    name = job_name(job, Shape("ml.m5.24xlarge", count), epochs)

    assert re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", name)
    assert name == job_name(job, Shape("ml.m5.24xlarge", count), epochs)
    assert name != job_name(job, Shape("ml.m5.24xlarge", count + 1), epochs)
    assert name != job_name(job, Shape("ml.m5.24xlarge", count), epochs + 1)
