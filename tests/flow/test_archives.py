"""An archive too large for a function is unpacked by a job; what follows is what would have followed without one."""

import json
from typing import Any

import pytest

from tests.flow.deployment import Deployment
from tests.flow.pictures import picture
from tests.flow.states import call, event_of, give_settings, is_waiting, vanish
from tests.handlers.packing import tar_gz, zipped

pytestmark = [pytest.mark.slow, pytest.mark.account]

_ONE_CLASS = {f"train/only/{number}.png": picture(0, 3, seed=f"archive {number}") for number in range(6)}


def _run(stack: Deployment, name: str, suffix: str, content: bytes, *, function_mb: int = 2000) -> dict[str, Any]:
    """Upload an archive, which a function unpacks up to so many megabytes; return how its execution has ended."""
    give_settings(stack, "unpack-archive", UNPACK_FUNCTION_MB=str(function_mb))
    stack.put(f"datasets/{name}{suffix}", content)
    execution = stack.wait_until_ended(stack.wait_for_execution(name), seconds=240)
    give_settings(stack, "unpack-archive", UNPACK_FUNCTION_MB="2000")
    return execution


def _staged(stack: Deployment, execution: dict[str, Any]) -> dict[str, str]:
    """Return the ETags of the files that an execution's archive was unpacked to, the marker's among them, by path."""
    dataset = json.loads(execution["input"])["Dataset"]
    prefix = f"staged/{dataset['Name']}/{dataset['Fingerprint']}/"
    pages = stack.client("s3").get_paginator("list_objects_v2")
    listed = pages.paginate(Bucket=stack.outputs["DataBucketName"], Prefix=prefix)
    return {one["Key"].removeprefix(prefix): one["ETag"] for page in listed for one in page.get("Contents", [])}


def _reason(stack: Deployment, execution: dict[str, Any]) -> str:
    """Return why a run ended, without the name of its dataset."""
    name = json.loads(execution["input"])["Dataset"]["Name"]
    return str(stack.record(execution["executionArn"])["Reason"]).replace(name, "NAME")


@pytest.mark.parametrize(
    ("name", "suffix", "content", "failed_state"),
    [
        ("oneclass", ".zip", zipped(_ONE_CLASS), "ValidateDataset"),
        ("escapes", ".zip", zipped({**_ONE_CLASS, "../outside.png": b"1"}), "UnpackArchive"),
        ("cut", ".tar.gz", tar_gz({**_ONE_CLASS, "train/more/0.png": bytes(range(256)) * 99})[:3000], "UnpackArchive"),
    ],
    ids=["one class", "escapes", "cut"],
)
def test_a_job_leaves_and_says_what_a_function_does(
    stack: Deployment, name: str, suffix: str, content: bytes, failed_state: str
) -> None:
    """The same files and the same marker, and of what is of no use the same error in the same words."""
    by_function = _run(stack, f"fn{name}", suffix, content)
    by_job = _run(stack, f"job{name}", suffix, content, function_mb=0)

    assert by_function["error"] == by_job["error"] == "DatasetError"
    assert _reason(stack, by_job) == _reason(stack, by_function)
    assert stack.record(by_job["executionArn"])["FailedState"] == failed_state
    whole = {*_ONE_CLASS, "_SUCCESS"} if failed_state == "ValidateDataset" else set()
    assert whole <= set(_staged(stack, by_job))
    assert ("_SUCCESS" in _staged(stack, by_job)) == bool(whole)
    assert not whole or _staged(stack, by_job) == _staged(stack, by_function)
    jobs = stack.client("sagemaker").list_training_jobs(NameContains=name)["TrainingJobSummaries"]
    assert [one["TrainingJobName"].partition("-")[0] for one in jobs] == [f"job{name}"]


def test_jobs_read_what_a_job_has_unpacked(stack: Deployment) -> None:
    """From the upload of one object to the gate, which refuses labels of chance; the first job is billed as all are."""
    splits = {"train": 24, "valid": 6, "test": 12}
    files = {
        f"{split}/colour-{number % 3}/{number}-{index}.png": picture(index, 3, seed=f"{split} {number} {index}")
        for split, count in splits.items()
        for number in range(count)
        for index in range(3)
    }

    execution = _run(stack, "packed", ".zip", zipped(files), function_mb=0)

    record = stack.record(execution["executionArn"])
    assert execution["error"] == "ModelRejectedError", record["Reason"]
    assert set(record["Bills"]) == {"UnpackArchive", "ComputeFeatures", "StartTuningJob", "StartTrainingJob"}
    assert set(_staged(stack, execution)) == {*files, "_SUCCESS"}


def test_another_stack_unpacks_by_its_own_roles(frozen: Deployment) -> None:
    """Each has a role for the function and one for the job."""
    execution = _run(frozen, "owned", ".zip", zipped(_ONE_CLASS), function_mb=0)

    assert frozen.record(execution["executionArn"])["FailedState"] == "ValidateDataset"


def test_a_retried_state_meets_its_job(stack: Deployment, broken: Any) -> None:
    """It goes on at once where the job has ended, well or not, or is gone, and keeps no token."""
    give_settings(stack, "unpack-archive", UNPACK_FUNCTION_MB="0")
    events = [_of_new_copy(stack, event_of(stack, name, "UnpackArchive")) for name in ("joboneclass", "jobcut")]
    for event in events:
        assert call(stack, "unpack-archive", event)[0]
    vanish(broken, "UnpackArchiveRole", "DescribeTrainingJob", after=1)
    assert call(stack, "unpack-archive", events[1])[0]
    broken.add("error", service="sagemaker", operation="CreateTrainingJob", code="ResourceLimitExceeded", status=400)

    refused = call(stack, "unpack-archive", events[1] | {"ExecutionName": "another-one"})
    give_settings(stack, "unpack-archive", UNPACK_FUNCTION_MB="2000")

    assert (refused[0], "ResourceLimitExceeded" in refused[1]) == (False, True)
    assert not any(is_waiting(stack, event) for event in events)


def _of_new_copy(stack: Deployment, event: dict[str, Any]) -> dict[str, Any]:
    """Take away the marker of what was unpacked, so that the state starts its job again."""
    dataset = event["Dataset"]
    key = f"staged/{dataset['Name']}/{dataset['Fingerprint']}/_SUCCESS"
    stack.client("s3").delete_object(Bucket=stack.outputs["DataBucketName"], Key=key)
    return event
