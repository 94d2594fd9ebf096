"""All trials of a search in one training job: shown and drawn as a tuning job's training jobs are."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from handlers.contract.names import trials_job_name
from handlers.training_jobs import metrics
from handlers.training_jobs.trials import PROGRAM
from ops.errors import ReportError
from ops.runs import fetched_reports, one_job, tuning_jobs
from ops.runs.executions import Execution, StateProgress
from ops.runs.training_logs import trials_of_job
from ops.runs.watching import View, _lines
from ops.session import Session
from ops.stack.stacks import Stack
from tests.training.tuning.spaces import SPACE
from training.tuning.settings import TuningSettings
from training.tuning.trials import Trial, document

_EXECUTION = "pets-0123456789ab-1"
_NAME = trials_job_name(_EXECUTION)
_START = datetime(2026, 11, 30, tzinfo=UTC)


@pytest.fixture
def stack() -> Stack:
    """A stack with a data bucket."""
    return Stack("pets", "CREATE_COMPLETE", {"DataBucketName": "pets"}, {})


@pytest.fixture
def execution() -> Execution:
    """An execution whose record is not written yet."""
    return Execution(f"arn:{_EXECUTION}", _EXECUTION, "RUNNING", _START, None, "pets")


@pytest.fixture
def job(session: Session) -> str:
    """Let the training job of all trials be there; return the prefix of what it leaves."""
    session.s3.create_bucket(Bucket="pets")
    values = {
        "sagemaker_program": json.dumps(PROGRAM), "model_name": '"resnet18"',
        "search_space": json.dumps(json.dumps(SPACE)), "tuning_strategy": '"Bayesian"', "max_trials": "3",
    }  # fmt: skip
    session.sagemaker.create_training_job(
        TrainingJobName=_NAME,
        HyperParameters=values,
        AlgorithmSpecification={"TrainingImage": "image", "TrainingInputMode": "File"},
        RoleArn="arn:aws:iam::123456789012:role/pets",
        OutputDataConfig={"S3OutputPath": f"s3://pets/runs/{_EXECUTION}/tuning", "CompressionType": "NONE"},
        ResourceConfig={"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 60},
    )
    described = session.sagemaker.describe_training_job(TrainingJobName=_NAME)
    return described["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://pets/").rstrip("/")


def left() -> dict[str, Any]:
    """Return what a job leaves of a good trial, one that was stopped, and one that failed."""
    ended: dict[str, Any] = {"started_at": _START.isoformat(), "ended_at": _START.isoformat()}
    values = {"lr": "0.01", "dropout": "0.1", "head": '"mlp"', "batch_size": "32"}
    trials = [
        Trial(1, values, "Completed", 0.8123, 0.5, 3, 5, 0.4, **ended),
        Trial(2, values, "Stopped", 0.7, 0.6, 2, 2, 0.2, **ended),
        Trial(3, values, "Failed", failure="the loss was no number", **ended),
    ]
    return document(trials, TuningSettings(json.dumps(SPACE), max_trials=3))


def put(session: Session, place: str, content: str) -> None:
    session.s3.put_object(Bucket="pets", Key=f"{place}/{one_job.TRIALS}", Body=content.encode())


def test_the_page_is_that_of_a_tuning_job(
    session: Session, stack: Stack, execution: Execution, job: str, tmp_path: Path
) -> None:
    """Every trial with its values, its end and its reason; time and price are those of the one job."""
    put(session, job, json.dumps(left()))

    html = fetched_reports.tuning_report(session, stack, execution, tmp_path).read_text()

    assert "0.8123" in html
    assert "Parallel coordinates" in html
    assert "the loss was no number" in html
    assert "all trials in one job" in html
    assert "&#34;mlp" not in html  # the toolkit's quotes are gone
    assert metrics.OBJECTIVE_METRIC in html
    assert tuning_jobs.OBJECTIVE_METRIC == metrics.OBJECTIVE_METRIC


@pytest.mark.parametrize("content", [None, "{", "[]", '{"trials": 1}'])
def test_a_job_that_left_nothing_has_a_page_all_the_same(
    session: Session, stack: Stack, execution: Execution, job: str, tmp_path: Path, content: str | None
) -> None:
    """While it runs, and where what it left is not its file."""
    if content is not None:
        put(session, job, content)

    html = fetched_reports.tuning_report(session, stack, execution, tmp_path).read_text()

    assert "No training job has given" in html


def test_without_a_job_the_report_says_so(session: Session, stack: Stack, execution: Execution, tmp_path: Path) -> None:
    """Of neither kind."""
    with pytest.raises(ReportError, match=r"does not exist; execution 'pets-0123456789ab-1' is RUNNING"):
        fetched_reports.tuning_report(session, stack, execution, tmp_path)


def test_each_trial_is_watched(session: Session, execution: Execution, job: str) -> None:
    """A line each, by its number, once the job has ended."""
    put(session, job, json.dumps(left()))
    view = View(execution, trials_of_job(session, _NAME))
    view.execution.states.append(StateProgress("StartTuningJob", _START, _START))

    lines = [line.strip() for _, line in _lines(view)]

    assert "trial 001  Completed  validation top-1 0.8123  batch_size=32 dropout=0.1 head=mlp lr=0.01" in lines
    assert [line.split("  ")[:2] for line in lines if line.startswith("trial")] == [
        ["trial 001", "Completed"], ["trial 002", "Stopped"], ["trial 003", "Failed"],
    ]  # fmt: skip
    assert trials_of_job(session, "another") == []
