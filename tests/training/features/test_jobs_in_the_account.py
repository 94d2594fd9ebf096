"""The features job on SageMaker's side: two instances write what one writes, and a reclaimed one loses no part."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from embedded_account.pytest_plugin import RunningAccount

from embedded_account import Faults
from handlers.training_jobs.jobs import torch_distributed
from ops.packaging.archive import tar_gz_bytes
from ops.packaging.bundle import source_files
from tests.training.pictures import write_images
from tests.training.workbench import IMAGE, Workbench, new_workbench
from tests.waiting import wait_for

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
TYPE = "ml.m5.xlarge"
SETTINGS = {"model_name": "resnet18", "weights": "none", "image_size": 32, "trainable": "head", "extractor": "torch"}
SETTINGS |= {"feature_precision": "fp32", "augment": "basic", "feature_views": 1}
SPLITS = {"train": 350, "validation": 8, "test": 8}  # pictures of each of three classes: two parts of train
SECONDS = 300  # for a job of ten, on a machine that has others to do


@pytest.fixture(scope="module")
def workbench(account: RunningAccount, tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    """Give a bucket with the pictures and the source."""
    bench, photos = new_workbench(account), tmp_path_factory.mktemp("jobs")
    for split, count in SPLITS.items():
        write_images(photos / split, count, suffix="png")
    for path in photos.rglob("*.png"):
        bench.put(f"photos/{path.relative_to(photos).as_posix()}", path.read_bytes())
    bench.put("source/train.tar.gz", tar_gz_bytes(source_files(ROOT)))
    return bench


def start(workbench: Workbench, count: int = 1, **more: Any) -> str:
    """Let so many instances compute the features; return the job's name."""
    source = {"sagemaker_program": "training/compute_features.py"}
    source["sagemaker_submit_directory"] = f"s3://{workbench.bucket}/source/train.tar.gz"
    values = {**SETTINGS, **source, **torch_distributed(TYPE, count)}
    uris = {name: f"s3://{workbench.bucket}/photos/{name}/" for name in SPLITS}
    sources = {name: {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}} for name, uri in uris.items()}
    request = {
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "HyperParameters": {name: str(value) for name, value in values.items()},
        "InputDataConfig": [{"ChannelName": name, "DataSource": one} for name, one in sources.items()],
        "StoppingCondition": {"MaxRuntimeInSeconds": SECONDS},
        "ResourceConfig": {"InstanceType": TYPE, "InstanceCount": count, "VolumeSizeInGB": 10},
    }
    return workbench.start(request | more)


def written(workbench: Workbench, name: str) -> tuple[dict[str, bytes], dict[str, Any]]:
    """Return the files of the job once it has completed, and what its manifest says but for the job's own name."""
    job = workbench.ended(name, SECONDS)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    files = workbench.members(f"out/{name}/output/model.tar.gz")
    manifest = json.loads(files.pop("manifest.json"))
    assert manifest.pop("training_job_name") == name
    return files, manifest


@pytest.fixture(scope="module")
def alone(workbench: Workbench) -> tuple[dict[str, bytes], dict[str, Any]]:
    """What a job on one instance writes that nothing interrupts."""
    return written(workbench, start(workbench))


def test_two_instances_write_what_one_writes(workbench: Workbench, alone: object) -> None:
    """The same features in the same order, and the same findings, to the byte: whatever is trained on them is too."""
    name = start(workbench, 2)

    assert written(workbench, name) == alone


def test_reclaimed_job_computes_no_part_again(workbench: Workbench, faults: Faults, alone: object) -> None:
    """Its machine is taken away once the first part is in S3; the next machine takes over what is there."""
    spot: dict[str, Any] = {
        "EnableManagedSpotTraining": True,
        "StoppingCondition": {"MaxRuntimeInSeconds": SECONDS, "MaxWaitTimeInSeconds": SECONDS},
        "CheckpointConfig": {"S3Uri": f"s3://{workbench.bucket}/checkpoints/"},
    }

    name = start(workbench, **spot)
    wait_for(lambda: workbench.keys("checkpoints/"), SECONDS)
    faults.add("interrupt-training-job", name=name)

    assert written(workbench, name) == alone
    log = "\n".join(workbench.log(name))
    assert re.search(r"train: [1-9]\d* of 2 parts are taken over from an interrupted job", log), log
