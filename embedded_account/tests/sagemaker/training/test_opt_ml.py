"""Scripts with AWS's paths in them: each job has its own folder at /opt/ml."""

import os
from typing import Any

import pytest
from embedded_account.account import Account
from embedded_account.sagemaker.shared.opt_ml import OptMl
from support.jobs import Workbench, channel
from support.waiting import eventually

# Knows no variable of SageMaker's.
_HARD_CODED = """
import json, os, pathlib, shutil
parameters = json.load(open("/opt/ml/input/config/hyperparameters.json"))
shutil.copytree("/opt/ml/input/data/train", "/opt/ml/model/seen")
pathlib.Path("/opt/ml/checkpoints/epoch.txt").write_text("3")
pathlib.Path("/opt/ml/output/data/owner.json").write_text(json.dumps(os.getuid()))
open("/opt/ml/model/lr", "w").write(parameters["lr"])
"""
_FAILS = """
open("/opt/ml/output/failure", "w").write("the learning rate is too high")
raise SystemExit(7)
"""
# Two of these write the same path, and neither goes on before both have.
_MEETS = """
import os, pathlib, time
pathlib.Path("/opt/ml/model/who").write_text(os.environ["TRAINING_JOB_NAME"])
print("written", flush=True)
while not pathlib.Path(os.environ["GO"]).exists():
    time.sleep(0.05)
pathlib.Path("/opt/ml/model/seen").write_text(" ".join(sorted(os.listdir("/opt/ml/model"))))
"""


@pytest.fixture(autouse=True)
def supported(bare_account: Account) -> None:
    """Skip where the kernel lets no process have an /opt/ml of its own."""
    if refusal := OptMl(bare_account).refusal:
        pytest.skip(f"no container has an /opt/ml of its own here: {refusal}")


@pytest.mark.parametrize("given", [{}, {"PYTHONHASHSEED": "0"}], ids=["forked", "started anew"])
def test_script_that_knows_only_opt_ml_trains(workbench: Workbench, given: dict[str, str]) -> None:
    """It finds hyperparameters and channels, and its model and checkpoints land in S3."""
    workbench.put("opt-ml/rose.txt", "red")
    job = workbench.ended(
        workbench.start(
            _HARD_CODED,
            HyperParameters=workbench.hyperparameters(_HARD_CODED, lr="0.1"),
            InputDataConfig=[channel("train", f"s3://{workbench.bucket}/opt-ml/")],
            CheckpointConfig={"S3Uri": f"s3://{workbench.bucket}/opt-ml-checkpoints/"},
            Environment=given,
        )
    )

    assert job["TrainingJobStatus"] == "Completed", job["FailureReason"]
    assert workbench.members(job["ModelArtifacts"]["S3ModelArtifacts"]) == {"lr": b"0.1", "seen/rose.txt": b"red"}
    assert _content(workbench, "opt-ml-checkpoints/epoch.txt") == b"3"


def test_failure_file_at_opt_ml_is_the_reason(workbench: Workbench) -> None:
    """What a script writes to /opt/ml/output/failure is the job's FailureReason."""
    job = workbench.ended(workbench.start(_FAILS))

    assert job["FailureReason"].startswith("AlgorithmError: the learning rate is too high")


def test_two_jobs_at_once_do_not_see_each_other(workbench: Workbench, tmp_path: Any) -> None:
    """Each has written the same path below /opt/ml and finds its own file there."""
    go = tmp_path / "go"
    names = [workbench.start(_MEETS, Environment={"GO": str(go)}) for _ in range(2)]
    for name in names:
        eventually(lambda name=name: "written" in _log(workbench, name), 60, f"what {name!r} writes")  # type: ignore[misc]
    go.touch()

    for name in names:
        model = workbench.members(workbench.ended(name)["ModelArtifacts"]["S3ModelArtifacts"])
        assert model == {"who": name.encode(), "seen": b"who"}


def test_the_machines_own_opt_is_as_it_was(workbench: Workbench) -> None:
    """What a job sees at /opt/ml is nowhere else."""
    before = sorted(os.listdir("/opt"))

    workbench.ended(workbench.start("import os; assert os.path.isdir('/opt/ml/model')"))

    assert sorted(os.listdir("/opt")) == before


def _content(workbench: Workbench, key: str) -> bytes:
    return bytes(workbench.account.client("s3").get_object(Bucket=workbench.bucket, Key=key)["Body"].read())


def _log(workbench: Workbench, name: str) -> list[str]:
    logs = workbench.account.client("logs")
    group = "/aws/sagemaker/TrainingJobs"
    if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
        return []
    return workbench.log(name)
