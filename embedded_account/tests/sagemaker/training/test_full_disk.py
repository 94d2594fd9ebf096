"""Jobs on a disk that is full say so, and nothing else."""

from pathlib import Path

import pytest
from support.full_disks import tiny_disk
from support.jobs import Workbench, channel

_FILLS = """
import os, pathlib
print("score=0.5", flush=True)
with open(pathlib.Path(os.environ["SM_MODEL_DIR"], "weights"), "wb", buffering=0) as file:
    while True:
        file.write(b"x" * 65536)
"""
# The disk is full, and the script content with that; half of it holds no archive of the other half.
_LEAVES_NO_ROOM = """
import os, pathlib
pathlib.Path(os.environ["SM_MODEL_DIR"], "weights").write_bytes(b"x" * (3 << 20))
"""
# What a full disk leads to in AWS's toolkit: the failure cannot be written, and it exits with 0. The line is written at
# once, since the toolkit makes a line of each piece that it reads.
_LOSES_ITS_FAILURE = """
import os, shutil, sys
shutil.rmtree(os.environ["SM_OUTPUT_DIR"])
os.write(2, b"ValueError: class rose has 1 image\\n")
sys.exit(1)
"""
_CONFIG = {
    "Strategy": "Random",
    "ResourceLimits": {"MaxNumberOfTrainingJobs": 1, "MaxParallelTrainingJobs": 1},
    "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "score"},
    "ParameterRanges": {"ContinuousParameterRanges": [{"Name": "lr", "MinValue": "0.1", "MaxValue": "0.2"}]},
}


def _jobs_folder(workbench: Workbench) -> Path:
    folder: Path = workbench.account.folder
    return folder / "work" / "training-jobs"


def test_failure_that_could_not_be_written_is_no_success(workbench: Workbench) -> None:
    """A container that exits with 0 before its toolkit has noted success has failed, and its last words say why."""
    job = workbench.ended(workbench.start(_LOSES_ITS_FAILURE))

    assert job["TrainingJobStatus"] == "Failed"
    assert "ValueError: class rose has 1 image" in job["FailureReason"]
    assert job["FailureReason"].endswith(", exit code: 0")


@pytest.mark.parametrize("script", [_FILLS, _LEAVES_NO_ROOM])
def test_disk_that_a_job_fills_is_its_failure_reason(script: str, workbench: Workbench) -> None:
    """While the script writes, or while its output is packed: the disk is named, and what to do."""
    request = workbench.request(script)
    with tiny_disk(_jobs_folder(workbench), 5 << 20) as disk:
        workbench.sagemaker.create_training_job(**request)
        job = workbench.ended(request["TrainingJobName"])

    assert job["TrainingJobStatus"] == "Failed"
    assert f"No space left on device: '{disk}" in job["FailureReason"]
    assert "free some space on that disk" in job["FailureReason"]


def test_channel_without_room_names_the_disk(workbench: Workbench) -> None:
    """A dataset that does not fit is not asked to be renamed."""
    uri = workbench.put("too-large/pictures.bin", b"x" * (2 << 20))
    request = workbench.request("print()", InputDataConfig=[channel("train", uri)])
    with tiny_disk(_jobs_folder(workbench), 1 << 20):
        workbench.sagemaker.create_training_job(**request)
        job = workbench.ended(request["TrainingJobName"])

    assert job["FailureReason"].startswith("ClientError: Data download failed:No space left on device")


def test_tuning_on_a_full_disk_never_blames_the_objective(workbench: Workbench) -> None:
    """The images give room back before the upload, and even so the tuning job points to its failed job."""
    images = workbench.put("images/1.bin", b"x" * (3 << 20))
    definition = workbench.definition(
        StaticHyperParameters=workbench.hyperparameters(_FILLS), InputDataConfig=[channel("train", images)]
    )
    with tiny_disk(_jobs_folder(workbench), 5 << 20):
        name = f"full-{workbench.bucket[-8:]}"
        workbench.sagemaker.create_hyper_parameter_tuning_job(
            HyperParameterTuningJobName=name,
            HyperParameterTuningJobConfig=_CONFIG,
            TrainingJobDefinition=definition,
        )
        tuned = workbench.tuned(name)

    assert tuned["FailureReason"].startswith("All training jobs failed.")
