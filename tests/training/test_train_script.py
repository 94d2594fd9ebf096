"""The product's own training script as a spot job of the account: reclaimed in mid-training, it ends all the same."""

import json
from pathlib import Path
from typing import Any

import pytest
from embedded_account.pytest_plugin import RunningAccount

from embedded_account import Faults
from handlers.training_jobs.metrics import METRIC_DEFINITIONS
from ops.packaging.archive import tar_gz_bytes
from ops.packaging.bundle import source_files
from tests.training.pictures import write_images
from tests.training.workbench import IMAGE, Workbench, new_workbench
from training import train

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = {"model_name": "mobilenet_v3_small", "weights": "none", "image_size": 32, "batch_size": 8, "epochs": 12}
SETTINGS |= {"precision": "fp32", "save_model": "false", "augment": "basic"}
# A frozen backbone's statistics do not change, so two instances have the scores of one but for rounding.
SETTINGS |= {"trainable": "head", "dropout": 0}
TOGETHER = {"sagemaker_torch_distributed_enabled": "true", "sagemaker_instance_type": "ml.m5.xlarge"}
CHANNELS = {"train": "train", "validation": "valid", "test": "test"}


@pytest.fixture
def workbench(account: RunningAccount) -> Workbench:
    """Give a bucket for jobs of the shared account."""
    return new_workbench(account)


def request(workbench: Workbench, photos: Path) -> dict[str, Any]:
    """Upload the images and the source; return the request of a spot job of them."""
    for path in photos.rglob("*.png"):
        workbench.put(f"photos/{path.relative_to(photos).as_posix()}", path.read_bytes())
    source = {"sagemaker_program": "training/train.py"}
    source["sagemaker_submit_directory"] = workbench.put("source/train.tar.gz", tar_gz_bytes(source_files(ROOT)))
    uris = {name: f"s3://{workbench.bucket}/photos/{folder}/" for name, folder in CHANNELS.items()}
    sources = {name: {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}} for name, uri in uris.items()}
    metrics = {"TrainingImage": IMAGE, "TrainingInputMode": "FastFile", "MetricDefinitions": METRIC_DEFINITIONS}
    return {
        "AlgorithmSpecification": metrics,
        "HyperParameters": {name: str(value) for name, value in {**SETTINGS, **TOGETHER, **source}.items()},
        "InputDataConfig": [{"ChannelName": name, "DataSource": channel} for name, channel in sources.items()],
        "EnableManagedSpotTraining": True,
        "StoppingCondition": {"MaxRuntimeInSeconds": 300, "MaxWaitTimeInSeconds": 300},
        "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 2, "VolumeSizeInGB": 10},
        "CheckpointConfig": {"S3Uri": f"s3://{workbench.bucket}/checkpoints/"},
    }


def scores(evaluation: dict[str, Any]) -> list[Any]:
    """Return every number that training led to."""
    epochs = [[row[name] for name in sorted(row) if name.endswith(("loss", "top1"))] for row in evaluation["epochs"]]
    return [*epochs, evaluation["best_epoch"], evaluation["test_loss"], evaluation["test_top1"]]


@pytest.mark.slow
def test_reclaimed_training_ends_with_scores_of_an_untouched_one(
    workbench: Workbench, faults: Faults, tmp_path: Path
) -> None:
    """R15, on two instances over torchrun: both lose their machines, and no epoch is trained twice.

    The checkpoint travels through S3 to the next two. The other training is one process; what is summed in two parts is
    rounded otherwise, so scores agree to a relative 1e-5.
    """
    photos = tmp_path / "photos"
    for folder in CHANNELS.values():
        write_images(photos / folder, 8, suffix="png")
    faults.add("interrupt-training-job", name="job-*", step=3)

    name = workbench.start(request(workbench, photos))
    flags = [f"--{setting.replace('_', '-')}={value}" for setting, value in SETTINGS.items()]
    flags += [f"--{channel}={photos / folder}" for channel, folder in CHANNELS.items()]
    assert train.main([*flags, f"--model-dir={tmp_path / 'out'}"], {}) == 0
    job = workbench.ended(name, seconds=240)

    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert "Interrupted" in [item["Status"] for item in job["SecondaryStatusTransitions"]]
    log = workbench.log(name)
    assert len([line for line in log if line.startswith("resumed from checkpoint")]) == 1
    assert len([line for line in log if line.startswith("epoch=")]) == SETTINGS["epochs"]
    evaluation = json.loads(workbench.member(f"out/{name}/output/output.tar.gz", "evaluation.json"))
    expected = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    for one, other in zip(scores(evaluation), scores(expected), strict=True):
        assert one == pytest.approx(other, rel=1e-5)
