"""Training jobs whose machines are reclaimed, lost, or not to be had."""

from typing import Any

import pytest
from embedded_account.faults.remote import Faults
from support.jobs import Workbench

# Counts to 5 over all its starts, and keeps its count in the checkpoint folder when it is told to end.
_COUNTS = """
import os, pathlib, signal, sys, time
saved = pathlib.Path(os.environ["SM_MODEL_DIR"]).parent / "checkpoints" / "count.txt"
count = int(saved.read_text()) if saved.exists() else 0
print(f"begins-at={count}", flush=True)
def save(*_):
    saved.write_text(str(count))
    sys.exit(1)
signal.signal(signal.SIGTERM, save)
while count < 5:
    count += 1
    print(f"score={count}", flush=True)
    time.sleep(0.25)
"""
_ATTEMPT = ["Starting", "Downloading", "Training"]


def _spot(workbench: Workbench, **stopping: int) -> dict[str, Any]:
    limits = {"MaxRuntimeInSeconds": 300, "MaxWaitTimeInSeconds": 300} | stopping
    return {
        "EnableManagedSpotTraining": True,
        "StoppingCondition": limits,
        "CheckpointConfig": {"S3Uri": f"s3://{workbench.bucket}/interruptions/"},
    }


def _statuses(job: dict[str, Any]) -> list[str]:
    return [item["Status"] for item in job["SecondaryStatusTransitions"]]


def _begins(workbench: Workbench, job: dict[str, Any]) -> list[str]:
    return [line for line in workbench.log(job["TrainingJobName"]) if line.startswith("begins-at")]


def test_interrupted_spot_job_goes_on_from_its_checkpoint(workbench: Workbench, faults: Faults) -> None:
    """AWS: Starting, Downloading, Training, Interrupted, Starting, Downloading, Training, Uploading, and then done.

    Source: SageMaker developer guide, "Managed Spot Training in Amazon SageMaker AI".
    """
    faults.add("interrupt-training-job", name="job-*", step=2)

    job = workbench.ended(workbench.start(_COUNTS, **_spot(workbench)))

    assert _statuses(job) == [*_ATTEMPT, "Interrupted", *_ATTEMPT, "Uploading", "Completed"]
    first, second = _begins(workbench, job)
    assert first == "begins-at=0"
    assert 2 <= int(second.removeprefix("begins-at=")) < 5
    assert job["EnableManagedSpotTraining"] is True
    assert job["BillableTimeInSeconds"] < job["TrainingTimeInSeconds"] or job["TrainingTimeInSeconds"] == 1


def test_lost_machine_takes_what_was_not_sent_along(workbench: Workbench, faults: Faults) -> None:
    """Without notice nothing is saved, so the spot job begins anew; it ends all the same.

    Source: SageMaker developer guide, "Managed Spot Training in Amazon SageMaker AI".
    """
    faults.add("lose-training-instance", name="job-*", step=2)
    spot = _spot(workbench) | {"CheckpointConfig": {"S3Uri": f"s3://{workbench.bucket}/lost/"}}

    job = workbench.ended(workbench.start(_COUNTS, **spot))

    assert _begins(workbench, job) == ["begins-at=0", "begins-at=0"]
    assert job["TrainingJobStatus"] == "Completed"


@pytest.mark.parametrize("retries", [0, 1])
def test_lost_machine_is_an_internal_error(workbench: Workbench, faults: Faults, retries: int) -> None:
    """AWS: with a RetryStrategy "its SecondaryStatus is changed to STARTING"; without one the job fails.

    Source: SageMaker API reference, RetryStrategy.
    """
    faults.add("lose-training-instance", name="job-*", step=1)
    strategy = {"RetryStrategy": {"MaximumRetryAttempts": retries}} if retries else {}

    job = workbench.ended(workbench.start(_COUNTS, **strategy))

    if retries:
        assert _statuses(job) == [*_ATTEMPT, *_ATTEMPT, "Uploading", "Completed"]
    else:
        assert _statuses(job) == [*_ATTEMPT, "Failed"]
        assert job["FailureReason"] == "InternalServerError: We encountered an internal error. Please try again."


def test_job_without_capacity_fails(workbench: Workbench, faults: Faults) -> None:
    """The reason is a CapacityError and nothing is billed.

    Source: SageMaker API reference, DescribeTrainingJob, FailureReason.
    """
    faults.add("no-capacity", name="job-*")

    job = workbench.ended(workbench.start("print()"))

    assert job["FailureReason"].startswith("CapacityError: Unable to provision requested ML compute capacity.")
    assert _statuses(job) == ["Starting", "Failed"]
    assert "BillableTimeInSeconds" not in job


def test_spot_job_waits_for_capacity_until_its_time_is_over(workbench: Workbench, faults: Faults) -> None:
    """AWS: "Spot instances were never launched": Starting, Stopping, MaxWaitTimeExceeded.

    Source: SageMaker developer guide, "Managed Spot Training in Amazon SageMaker AI".
    """
    faults.add("no-capacity", name="job-*", count=10_000)

    spot = _spot(workbench, MaxRuntimeInSeconds=1, MaxWaitTimeInSeconds=1)
    job = workbench.ended(workbench.start("print()", **spot))

    assert _statuses(job) == ["Starting", "Stopping", "MaxWaitTimeExceeded"]
    assert job["TrainingJobStatus"] == "Stopped"


def test_spot_job_starts_once_there_is_capacity(workbench: Workbench, faults: Faults) -> None:
    """It stays Starting meanwhile, with AWS's message.

    Source: SageMaker developer guide, "Managed Spot Training in Amazon SageMaker AI".
    """
    faults.add("no-capacity", name="job-*", count=3)

    job = workbench.ended(workbench.start("print()", **_spot(workbench)))

    assert _statuses(job) == [*_ATTEMPT, "Uploading", "Completed"]
    assert job["SecondaryStatusTransitions"][0]["StatusMessage"].startswith("Insufficient capacity error from EC2")
