"""The SageMaker Python SDK v2 and the Step Functions SDK, unmodified, on the embedded account."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from embedded_account.pytest_plugin import RunningAccount
from support.hosted import INFERENCE
from support.jobs import new_workbench
from support.pauses import short_pauses

pytestmark = pytest.mark.slow

_PROGRAM = Path(__file__).parents[1] / "support" / "sdk_session.py"
_TRAIN = """
import argparse, os, pathlib
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
arguments, _ = parser.parse_known_args()
print(f"score={1 - arguments.lr}")
pathlib.Path(os.environ["SM_MODEL_DIR"], "name").write_text("trained")
"""
# Each call of the SDK would be told to AWS, at an address of its own.
_CONFIG = """
SchemaVersion: "1.0"
SageMaker: {PythonSDK: {Modules: {TelemetryOptOut: true}}}
"""


@pytest.fixture(scope="module")
def seen(account: RunningAccount, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Give what one session with both SDKs saw."""
    folder = tmp_path_factory.mktemp("sdk")
    (folder / "config.yaml").write_text(_CONFIG)
    (folder / "source").mkdir()
    (folder / "source" / "train.py").write_text(_TRAIN)
    (folder / "source" / "inference.py").write_text(INFERENCE)
    workbench = new_workbench(account)
    settings = {"SAGEMAKER_USER_CONFIG_OVERRIDE": str(folder / "config.yaml"), "SAGEMAKER_SUPPRESS_V2_WARNING": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(_PROGRAM), str(folder / "source"), workbench.role_arn, workbench.bucket],
        env=account.environment() | settings | short_pauses(_PROGRAM.name),
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return dict(json.loads(done.stdout.splitlines()[-1]))


def test_pytorch_fit_follows_the_job_and_reads_its_metrics(seen: dict[str, Any]) -> None:
    """`fit` returns when the job has completed; the analytics find the metric that it printed."""
    assert seen["job"] == "Completed"
    assert seen["metrics"] == [0.75]


def test_plain_fit_is_profiled_and_its_rules_are_reported(seen: dict[str, Any]) -> None:
    """The SDK profiles unless it is told not to; a rule that is not evaluated says so and does not end the job."""
    assert seen["attached"]["profiled"] == "Enabled"
    assert seen["attached"]["rules"] == [["LossNotDecreasing", "Error"]]


def test_attach_brings_estimators_back_by_name(seen: dict[str, Any]) -> None:
    """`Estimator.attach` and `PyTorch.attach` find in the description all that made the job."""
    assert seen["attached"]["plain"]
    assert seen["attached"]["framework"] == ["train.py", "2.6", "0.25"]


def test_attach_brings_a_tuner_back_by_name(seen: dict[str, Any]) -> None:
    """`HyperparameterTuner.attach` knows the best job, the estimator's class and each job's results."""
    assert (seen["attached"]["best"], seen["attached"]["estimator"]) == (True, "PyTorch")
    assert seen["attached"]["rows"] == 2


def test_tuner_fit_names_the_best_job(seen: dict[str, Any]) -> None:
    """The best training job is one of the tuning job's."""
    assert "-00" in seen["best"]


def test_deploy_predict_and_update_endpoint(seen: dict[str, Any]) -> None:
    """The model that was trained answers; the update brings a second instance and the same model."""
    assert seen["served"]["first"]["model"] == seen["served"]["second"]["model"] == "trained"
    assert seen["served"]["first"]["bytes"] == 4
    assert seen["served"]["instances"] == 2


def test_delete_leaves_no_endpoint_config_or_model(seen: dict[str, Any]) -> None:
    """`delete_model` and `delete_endpoint(delete_endpoint_config=True)` remove all three."""
    assert seen["served"]["left"] == []


def test_workflow_lists_the_events_of_its_execution(seen: dict[str, Any]) -> None:
    """All events in order, and the newest first where that is asked for."""
    workflow = seen["workflow"]

    assert (workflow["status"], workflow["output"], workflow["executions"]) == ("SUCCEEDED", {"n": 2}, 1)
    assert workflow["events"] == [
        "ExecutionStarted",
        "PassStateEntered",
        "PassStateExited",
        "PassStateEntered",
        "PassStateExited",
        "ExecutionSucceeded",
    ]
    assert workflow["newest"] == ["ExecutionSucceeded", "PassStateExited"]


def test_a_model_card_is_made_changed_and_deleted(seen: dict[str, Any]) -> None:
    """`ModelCard` of every part, read back as it was written, with a version for each content."""
    assert seen["card"] == {"risk": "Low", "top1": 0.9, "versions": 2, "left": []}
