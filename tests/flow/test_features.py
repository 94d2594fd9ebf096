"""A frozen backbone: its features are computed once, searched and trained on, and found again by the next execution."""

import json
from typing import Any

import pytest

from handlers.contract.names import features_job_name, trials_job_name, tuning_job_name
from tests.flow.deployment import Deployment
from tests.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.account]


def _result_of(deployment: Deployment, arn: str, state: str) -> Any:
    """Return what the state has answered, or None while it has not."""
    history = deployment.client("stepfunctions").get_execution_history(executionArn=arn, maxResults=1000)["events"]
    for event in history:
        details = event.get("stateExitedEventDetails", {})
        if details.get("name") == state:
            return dict(json.loads(details["output"]))
    return None


def test_features_are_computed_once(frozen):
    """The first execution deploys a model from them; the next takes them as they are and starts no job for them."""
    arn = frozen.wait_for_execution("colours")
    first = _result_of(frozen, arn, "ComputeFeatures")["Features"]
    job = frozen.client("sagemaker").describe_training_job(TrainingJobName=arn.rpartition(":")[2])
    keys = _keys(frozen, first["FeaturesS3Uri"])

    frozen.client("lambda").invoke(
        FunctionName=frozen.outputs["StartExecutionFunctionName"],
        Payload=json.dumps({"Reason": "manual", "Dataset": "colours", "Force": True}),
    )
    again = wait_for(
        lambda: next((e["executionArn"] for e in frozen.executions() if e["executionArn"] != arn), None), 30
    )
    second = wait_for(lambda: _result_of(frozen, again, "ComputeFeatures"), 30)["Features"]
    frozen.client("stepfunctions").stop_execution(executionArn=again)

    assert frozen.record(arn)["Status"] == "SUCCEEDED"
    channels = [channel["ChannelName"] for channel in job["InputDataConfig"]]
    assert channels == ["features", "validation", "test", "classes"]
    assert "manifest.json" in keys
    assert (first["Reused"], second["Reused"]) == (False, True)
    assert second["FeaturesS3Uri"] == first["FeaturesS3Uri"]


def test_all_trials_run_in_one_job(frozen, asked):
    """One training job and no tuning job, its best values are the final job's, and each job meets a warm instance."""
    _, name = asked
    client = frozen.client("sagemaker")

    job = client.describe_training_job(TrainingJobName=trials_job_name(name))
    final = client.describe_training_job(TrainingJobName=name)

    place = job["ModelArtifacts"]["S3ModelArtifacts"].rstrip("/").removeprefix("s3://").partition("/")
    stored = frozen.client("s3").get_object(Bucket=place[0], Key=f"{place[2]}/trials.json")
    trials = json.load(stored["Body"])
    best = next(one for one in trials["trials"] if one["number"] == trials["best_trial"])
    assert [_taken_by(client, each) for each in (features_job_name(name), trials_job_name(name))] == [
        trials_job_name(name), name,
    ]  # fmt: skip
    own = client.list_hyper_parameter_tuning_jobs(NameContains=tuning_job_name(name))  # other stacks tune here too
    assert own["HyperParameterTuningJobSummaries"] == []
    assert [one["number"] for one in trials["trials"]] == [1, 2, 3, 4]
    assert best["hyperparameters"].items() <= final["HyperParameters"].items()
    assert frozen.record(f":{name}")["TuningJobName"] == job["TrainingJobName"]


def _taken_by(client: Any, job_name: str) -> Any:
    """Return the job that has taken over the instance which a job kept."""
    return client.describe_training_job(TrainingJobName=job_name)["WarmPoolStatus"].get("ReusedByJob")


def _keys(deployment: Deployment, s3_uri: str) -> list[str]:
    bucket, _, prefix = s3_uri.removeprefix("s3://").partition("/")
    entries = deployment.client("s3").list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]
    return [entry["Key"].removeprefix(prefix) for entry in entries]
