"""The rare paths of what starts jobs, each taken by a handler under its own role in the deployed account."""

import copy
import json
from typing import Any

import pytest

from handlers.contract.names import training_job_name, tuning_job_name
from handlers.ledger import Features
from tests.flow.deployment import Deployment
from tests.flow.lookups import running_jobs
from tests.flow.states import call, event_of, is_waiting, start_jobs, vanish
from tests.handlers.packing import tar_gz
from tests.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.account, pytest.mark.usefixtures("production", "no_sweep")]

_SAVING = b"""
import os, pathlib
folder = pathlib.Path(os.environ["SM_MODEL_DIR"]).parent / "checkpoints"
folder.mkdir(exist_ok=True)
(folder / "count.txt").write_text("1")
"""


@pytest.mark.parametrize(
    ("function", "state"),
    [("start-tuning-job", "StartTuningJob"), ("start-training-job", "StartTrainingJob")],
)
def test_a_retried_state_is_answered_by_the_job_that_has_ended(stack, function, state):
    """Its job's name is taken, so the job is looked up and the token answered at once and forgotten."""
    event = event_of(stack, "colours", state)
    event["Dataset"]["PicturesS3Uri"] = ""  # other tests have replaced the pictures since

    succeeded, answer = call(stack, function, event)

    assert succeeded, answer
    assert not is_waiting(stack, event)


def test_a_retried_search_is_answered_by_its_job(frozen):
    """All trials in one job: its name is taken, and what it has written of them is read."""
    event = event_of(frozen, "colours", "StartTuningJob")

    succeeded, answer = call(frozen, "start-tuning-job", event)

    assert succeeded, answer
    assert not is_waiting(frozen, event)


def test_a_retried_state_tells_why_its_tuning_job_failed(stack, broken):
    """The sentence is of the training job that failed, which is looked up for it."""
    event = event_of(stack, "colours", "StartTuningJob") | {"ExecutionName": "without-instances"}
    event["Features"]["Key"] = ""  # so it is not known to be work that has finished
    event["Dataset"]["PicturesS3Uri"] = ""  # other tests have replaced the pictures since
    name = tuning_job_name(event["ExecutionName"])
    broken.add("no-capacity", name=f"{name}*", count=100)
    assert call(stack, "start-tuning-job", event)[0]
    wait_for(lambda: _tuning_has_failed(stack, name) and not is_waiting(stack, event), 120)

    succeeded, answer = call(stack, "start-tuning-job", event)

    assert succeeded, answer
    assert not is_waiting(stack, event)


def test_a_job_that_was_deleted_meanwhile_fails_its_state(stack, broken):
    """The job is there when the name is found taken, and gone when its outcome is looked up."""
    event = event_of(stack, "colours", "StartTrainingJob")
    vanish(broken, "StartTrainingJobRole", "DescribeTrainingJob", after=1)

    succeeded, answer = call(stack, "start-training-job", event)

    assert succeeded, answer
    assert not is_waiting(stack, event)


def test_features_are_found_or_refused_by_name(frozen, broken):
    """A retried state meets the job of its name, which has ended or is gone; a lost manifest is named."""
    event = event_of(frozen, "colours", "ComputeFeatures")
    other = copy.deepcopy(event)
    other["Dataset"]["Fingerprint"] = "f" * 64
    lost = copy.deepcopy(event)
    lost["Dataset"]["TrainManifestS3Uri"] += ".lost"

    assert call(frozen, "compute-features", other)[0]
    _forget_features(frozen)
    vanish(broken, "ComputeFeaturesRole", "DescribeTrainingJob", after=1)
    assert call(frozen, "compute-features", other)[0]
    assert not is_waiting(frozen, event)
    succeeded, answer = call(frozen, "compute-features", lost)
    assert (succeeded, "404: Not Found" in answer) == (False, True)


def test_a_repeated_registration_brings_its_card_up_to_date(frozen):
    """A card that says something else has another version then; the model is registered once."""
    event, sagemaker = event_of(frozen, "colours", "RegisterModel"), frozen.client("sagemaker")
    name = event["ExecutionName"]
    sagemaker.update_model_card(ModelCardName=name, Content="{}")

    succeeded, answer = call(frozen, "register-model", event)

    card = sagemaker.describe_model_card(ModelCardName=name)
    assert (succeeded, answer["ModelCard"]) == (True, name)
    assert (card["ModelCardVersion"], card["ModelCardStatus"]) == (3, "Approved")
    assert json.loads(card["Content"])["model_overview"]["model_name"] == name


def test_a_model_that_was_registered_before_is_found_again(frozen):
    """By an execution that never came to its deployment: the same package, and no second version."""
    event = event_of(frozen, "colours", "RegisterModel") | {"ExecutionName": "never-deployed-1"}

    first = call(frozen, "register-model", event)
    again = call(frozen, "register-model", event | {"ExecutionName": "never-deployed-2"})

    assert first[0], first[1]
    assert again == (True, first[1] | {"ModelCard": ""})  # the card stays that of the first


def test_a_job_reads_what_is_staged_and_keeps_checkpoints(frozen):
    """As the role of the stack's jobs: data of an archive under staged/, and a spot job's checkpoints."""
    sagemaker, bucket = frozen.client("sagemaker"), frozen.outputs["DataBucketName"]
    trained = sagemaker.describe_training_job(
        TrainingJobName=training_job_name(event_of(frozen, "colours", "StartTrainingJob")["ExecutionName"])
    )
    frozen.put("staged/rare/source.tar.gz", tar_gz({"train.py": _SAVING}))
    frozen.put("checkpoints/saving-1/before.txt", b"0")
    instances = trained["ResourceConfig"]  # those on spot are not kept for the next job
    spot_instances = {name: value for name, value in instances.items() if name != "KeepAlivePeriodInSeconds"}
    source = {"sagemaker_program": "train.py"}
    source["sagemaker_submit_directory"] = f"s3://{bucket}/staged/rare/source.tar.gz"

    sagemaker.create_training_job(
        TrainingJobName="saving-1",
        RoleArn=trained["RoleArn"],
        AlgorithmSpecification={
            "TrainingImage": trained["AlgorithmSpecification"]["TrainingImage"],
            "TrainingInputMode": "File",
        },
        HyperParameters=source,
        OutputDataConfig={"S3OutputPath": trained["OutputDataConfig"]["S3OutputPath"]},
        ResourceConfig=spot_instances,
        StoppingCondition={"MaxRuntimeInSeconds": 300, "MaxWaitTimeInSeconds": 300},
        EnableManagedSpotTraining=True,
        CheckpointConfig={"S3Uri": f"s3://{bucket}/checkpoints/saving-1/"},
    )
    job = wait_for(lambda: _ended_job(frozen, "saving-1"), 120)

    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    listed = frozen.client("s3").list_objects_v2(Bucket=bucket, Prefix="checkpoints/saving-1/")
    assert [entry["Key"].rpartition("/")[2] for entry in listed["Contents"]] == ["before.txt", "count.txt"]


def test_the_report_of_a_failure_stops_what_still_runs(frozen):
    """A tuning and a training job that go on after their execution has failed would be billed on."""
    name, event = "failed-in-mid-run", event_of(frozen, "colours", "ReportOutcome")
    state = {key: event["State"][key] for key in ("Dataset", "Trigger")}
    start_jobs(frozen, name)

    succeeded, outcome = call(frozen, "report-outcome", {"ExecutionName": name, "Status": "FAILED", "State": state})

    assert (succeeded, outcome["Problems"]) == (True, [])
    assert running_jobs(frozen, name) == []


def _tuning_has_failed(stack: Deployment, name: str) -> bool:
    job = stack.client("sagemaker").describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    return bool(job["HyperParameterTuningJobStatus"] == "Failed")


def _ended_job(frozen: Deployment, name: str) -> dict[str, Any] | None:
    job = frozen.client("sagemaker").describe_training_job(TrainingJobName=name)
    return dict(job) if job["TrainingJobStatus"] in ("Completed", "Failed", "Stopped") else None


def _forget_features(frozen: Deployment) -> None:
    """Delete the notes about features, so that a state starts its job again."""
    table, client = frozen.outputs["TableName"], frozen.client("dynamodb")
    for item in client.scan(TableName=table)["Items"]:
        if item["Id"]["S"].startswith(Features.PREFIX):
            client.delete_item(TableName=table, Key={"Id": item["Id"]})
