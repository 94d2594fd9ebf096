"""Tuning jobs over real training jobs: what is tried, what is found, how they end."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from embedded_account.pytest_plugin import RunningAccount
from support.jobs import Workbench
from support.queues import messages, new_queue
from support.waiting import eventually

# The best rate is 0.3.
_SCRIPT = """
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--rate", type=float)
parser.add_argument("--kind", default="a")
options = parser.parse_args()
penalty = {"a": 0.0, "b": 1.0}[options.kind]
print(f"score={1 - (options.rate - 0.3) ** 2 - penalty}")
"""
_RATES = {"ContinuousParameterRanges": [{"Name": "rate", "MinValue": "0", "MaxValue": "1", "ScalingType": "Linear"}]}
_OBJECTIVE = {"Type": "Maximize", "MetricName": "score"}


def _config(strategy: str, num_jobs: int | None, num_parallel: int = 2, **changes: Any) -> dict[str, Any]:
    limits = {"MaxParallelTrainingJobs": num_parallel}
    return {
        "Strategy": strategy,
        "HyperParameterTuningJobObjective": _OBJECTIVE,
        "ResourceLimits": limits | ({"MaxNumberOfTrainingJobs": num_jobs} if num_jobs else {}),
        "ParameterRanges": _RATES,
        "RandomSeed": 7,
    } | changes


@pytest.fixture(scope="module")
def done(workbench: Workbench) -> dict[str, Any]:
    """Give the description of a Bayesian tuning job of four training jobs, two at a time."""
    job = workbench.tuned(workbench.tune(_SCRIPT, _config("Bayesian", 4)))
    assert job["HyperParameterTuningJobStatus"] == "Completed", job.get("FailureReason")
    return job


@pytest.fixture(scope="module")
def attempts(workbench: Workbench, done: dict[str, Any]) -> list[dict[str, Any]]:
    """Give the training jobs of `done`, best first, as boto3's paginator gives them three at a time."""
    pages = workbench.sagemaker.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job").paginate(
        HyperParameterTuningJobName=done["HyperParameterTuningJobName"],
        SortBy="FinalObjectiveMetricValue",
        SortOrder="Descending",
        PaginationConfig={"PageSize": 3},
    )
    return [summary for page in pages for summary in page["TrainingJobSummaries"]]


def test_best_training_job_has_the_best_objective(done: dict[str, Any], attempts: list[dict[str, Any]]) -> None:
    """The best of the four is the one whose tuned rate is nearest to the optimum.

    Source: SageMaker API reference, DescribeHyperParameterTuningJob.
    """
    best = done["BestTrainingJob"]
    distances = [abs(float(item["TunedHyperParameters"]["rate"]) - 0.3) for item in attempts]

    assert best == attempts[0]
    assert distances == sorted(distances)
    assert best["FinalHyperParameterTuningJobObjectiveMetric"] == {
        **_OBJECTIVE,
        "Value": pytest.approx(1 - distances[0] ** 2, abs=1e-6),
    }


def test_counters_add_up(done: dict[str, Any]) -> None:
    """Every training job is counted by its status and by its objective.

    Source: SageMaker API reference, DescribeHyperParameterTuningJob.
    """
    assert done["TrainingJobStatusCounters"] == {
        "Completed": 4,
        "InProgress": 0,
        "RetryableError": 0,
        "NonRetryableError": 0,
        "Stopped": 0,
    }
    assert done["ObjectiveStatusCounters"] == {"Succeeded": 4, "Pending": 0, "Failed": 0}


def test_training_jobs_run_two_at_a_time(attempts: list[dict[str, Any]]) -> None:
    """MaxParallelTrainingJobs is used and kept.

    Source: SageMaker API reference, ResourceLimits.
    """
    spans = [(item["CreationTime"], item["TrainingEndTime"]) for item in attempts]
    most = max(sum(start <= moment < end for start, end in spans) for moment, _ in spans)

    assert most == 2


def test_training_job_belongs_to_its_tuning_job(
    workbench: Workbench, done: dict[str, Any], attempts: list[dict[str, Any]]
) -> None:
    """Names are numbered; the hyperparameters are the fixed ones, the tuned ones and the objective's name.

    Source: SageMaker API reference, DescribeTrainingJob, TuningJobArn.
    """
    names = sorted(item["TrainingJobName"] for item in attempts)
    job = workbench.sagemaker.describe_training_job(TrainingJobName=names[0])

    assert names[0].startswith(f"{done['HyperParameterTuningJobName']}-001-")
    assert job["TuningJobArn"] == done["HyperParameterTuningJobArn"]
    assert job["HyperParameters"]["_tuning_objective_metric"] == "score"
    assert {"sagemaker_program", "rate"} <= set(job["HyperParameters"])


def test_name_is_used_once_and_short(workbench: Workbench, done: dict[str, Any]) -> None:
    """A second tuning job of a name is ResourceInUse; names have at most 32 characters.

    Source: SageMaker API reference, CreateHyperParameterTuningJob.
    """
    request = {
        "HyperParameterTuningJobConfig": _config("Random", 1),
        "TrainingJobDefinition": workbench.definition(StaticHyperParameters={}),
    }

    with pytest.raises(ClientError, match="already exists") as caught:
        workbench.sagemaker.create_hyper_parameter_tuning_job(
            HyperParameterTuningJobName=done["HyperParameterTuningJobName"], **request
        )
    with pytest.raises(ClientError, match="less than or equal to 32"):
        workbench.sagemaker.create_hyper_parameter_tuning_job(HyperParameterTuningJobName="x" * 33, **request)

    assert caught.value.response["Error"]["Code"] == "ResourceInUse"


def test_grid_tries_every_combination(workbench: Workbench) -> None:
    """Grid needs no number of jobs and takes each combination of the categories once.

    Source: SageMaker developer guide, "Understand the hyperparameter tuning strategies available in Amazon
    SageMaker AI".
    """
    categories = [{"Name": "rate", "Values": ["0.1", "0.3"]}, {"Name": "kind", "Values": ["a", "b"]}]
    config = _config("Grid", None, ParameterRanges={"CategoricalParameterRanges": categories})
    name = workbench.tune(_SCRIPT, config)

    job = workbench.tuned(name)

    listed = workbench.sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    tried = {tuple(sorted(item["TunedHyperParameters"].items())) for item in listed["TrainingJobSummaries"]}
    assert len(tried) == 4
    assert job["BestTrainingJob"]["TunedHyperParameters"] == {"rate": "0.3", "kind": "a"}


def test_hyperband_takes_the_objective_of_every_epoch(workbench: Workbench) -> None:
    """Jobs that lag behind may be stopped; each counts with the last epoch that it came to.

    Source: SageMaker developer guide, "Understand the hyperparameter tuning strategies available in Amazon
    SageMaker AI".
    """
    script = """
    import argparse, time
    parser = argparse.ArgumentParser()
    parser.add_argument("--rate", type=float)
    rate = parser.parse_args().rate
    for epoch in range(1, 5):
        print(f"score={epoch * rate}")
        time.sleep(0.3)
    """
    config = _config(
        "Hyperband",
        4,
        StrategyConfig={"HyperbandStrategyConfig": {"MinResource": 1, "MaxResource": 3}},
    )

    job = workbench.tuned(workbench.tune(script, config))

    counters, best = job["TrainingJobStatusCounters"], job["BestTrainingJob"]
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert counters["Completed"] + counters["Stopped"] == 4
    epochs = best["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] / float(best["TunedHyperParameters"]["rate"])
    last = (4,) if best["TrainingJobStatus"] == "Completed" else (1, 2, 3, 4)
    assert epochs == pytest.approx(min(last, key=lambda epoch: abs(epoch - epochs)), rel=1e-5)


def test_stop_ends_the_training_jobs(workbench: Workbench, account: RunningAccount) -> None:
    """StopHyperParameterTuningJob stops what runs, starts nothing more, and tells it by an event.

    Source: SageMaker API reference, StopHyperParameterTuningJob.
    """
    queue = new_queue(account)
    events = account.client("events")
    pattern = {"source": ["aws.sagemaker"], "detail-type": ["SageMaker HyperParameter Tuning Job State Change"]}
    events.put_rule(Name="tuning-changes", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="tuning-changes", Targets=[{"Id": "queue", "Arn": queue.arn}])
    name = workbench.tune("import time; time.sleep(300)", _config("Random", 4))
    _wait_for_running(workbench, name, 2)

    workbench.sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    job = workbench.tuned(name)
    told = [json.loads(body)["detail"] for body in messages(account, queue, at_least=3)]
    events.remove_targets(Rule="tuning-changes", Ids=["queue"])
    events.delete_rule(Name="tuning-changes")

    assert job["HyperParameterTuningJobStatus"] == "Stopped"
    assert job["TrainingJobStatusCounters"]["Stopped"] == 2
    assert sum(job["TrainingJobStatusCounters"].values()) == 2
    statuses = {detail["HyperParameterTuningJobStatus"] for detail in told}
    assert statuses == {"InProgress", "Stopping", "Stopped"}


def test_failing_script_fails_the_tuning_job(workbench: Workbench) -> None:
    """When every training job fails, so does the tuning job, in SageMaker's words.

    Source: SageMaker API reference, HyperParameterTuningJobSummary.
    """
    job = workbench.tuned(workbench.tune("raise ValueError('no')", _config("Random", 2)))

    assert job["HyperParameterTuningJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("All training jobs failed.")
    assert job["TrainingJobStatusCounters"]["NonRetryableError"] == 2


def test_missing_objective_fails_the_tuning_job(workbench: Workbench) -> None:
    """Jobs that print no objective, or none that is a number, find nothing.

    Source: SageMaker developer guide, "Define metrics and environment variables".
    """
    job = workbench.tuned(workbench.tune("print('score=nan')", _config("Random", 1)))

    assert job["FailureReason"].startswith("No objective metrics found after running 1 training jobs.")
    assert job["ObjectiveStatusCounters"] == {"Succeeded": 0, "Pending": 0, "Failed": 1}


def test_unknown_tuning_job_is_not_found(workbench: Workbench) -> None:
    """The answer is ResourceNotFound, as SageMaker's is for tuning jobs.

    Source: SageMaker API reference, DescribeHyperParameterTuningJob.
    """
    with pytest.raises(ClientError, match="can't find a tuning job called none") as caught:
        workbench.sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="none")

    assert caught.value.response["Error"]["Code"] == "ResourceNotFound"


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"Strategy": "Grid"}, "ValidationException", "CategoricalParameterRanges only"),
        (
            {"ParameterRanges": {"AutoParameters": [{"Name": "a", "ValueHint": "1"}]}},
            "NotImplemented",
            "AutoParameters",
        ),
        ({"ResourceLimits": {"MaxParallelTrainingJobs": 1}}, "ValidationException", "MaxNumberOfTrainingJobs"),
        ({"HyperParameterTuningJobObjective": _OBJECTIVE | {"MetricName": "x"}}, "ValidationException", "'x'"),
        (
            {"ParameterRanges": {"IntegerParameterRanges": [{"Name": "n", "MinValue": "3", "MaxValue": "2"}]}},
            "ValidationException",
            "MinValue must not be above MaxValue",
        ),
    ],
)
def test_request_is_refused_by_name(workbench: Workbench, changes: dict[str, Any], code: str, words: str) -> None:
    """What cannot be carried out starts nothing and says which member it is.

    Source: SageMaker API reference, CreateHyperParameterTuningJob.
    """
    with pytest.raises(ClientError, match=words) as caught:
        workbench.tune(_SCRIPT, _config("Random", 2) | changes)

    assert caught.value.response["Error"]["Code"] == code


def _warm(parent: str, kind: str) -> dict[str, Any]:
    parents = [{"HyperParameterTuningJobName": parent}]
    return {"WarmStartConfig": {"ParentHyperParameterTuningJobs": parents, "WarmStartType": kind}}


def test_warm_start_knows_its_parents_best(workbench: Workbench, done: dict[str, Any]) -> None:
    """AWS: on identical data the best job of all is the overall best; its own best is that of its own jobs.

    Source: SageMaker developer guide, "Run a Warm Start Hyperparameter Tuning Job".
    """
    parent = done["HyperParameterTuningJobName"]

    job = workbench.tuned(
        workbench.tune(_SCRIPT, _config("Random", 1), warm_start=_warm(parent, "IdenticalDataAndAlgorithm"))
    )

    own, overall = job["BestTrainingJob"], job["OverallBestTrainingJob"]
    values = [one["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for one in (own, overall)]
    parents = done["BestTrainingJob"]["FinalHyperParameterTuningJobObjectiveMetric"]["Value"]
    assert own["TrainingJobName"].startswith(job["HyperParameterTuningJobName"])
    assert values[1] == max(values[0], parents)
    assert job["WarmStartConfig"]["WarmStartType"] == "IdenticalDataAndAlgorithm"


def test_transferred_search_begins_with_the_parents_best(workbench: Workbench, done: dict[str, Any]) -> None:
    """What was best on other data is tried first.

    Source: SageMaker developer guide, "Run a Warm Start Hyperparameter Tuning Job".
    """
    parent = done["HyperParameterTuningJobName"]

    job = workbench.tuned(workbench.tune(_SCRIPT, _config("Random", 1), warm_start=_warm(parent, "TransferLearning")))

    assert job["BestTrainingJob"]["TunedHyperParameters"] == done["BestTrainingJob"]["TunedHyperParameters"]
    assert "OverallBestTrainingJob" not in job


@pytest.mark.parametrize(
    ("parent", "changes", "words"),
    [
        ("none", {}, "can't find a tuning job called none"),
        ("", {"HyperParameterTuningJobObjective": _OBJECTIVE | {"Type": "Minimize"}}, "objective metric must be the"),
        (
            "",
            {"ParameterRanges": {"CategoricalParameterRanges": [{"Name": n, "Values": ["1"]} for n in "ab"]}},
            "set of tunable plus static HyperParameter names is not the same",
        ),
    ],
)
def test_parent_that_does_not_fit_is_refused(
    workbench: Workbench, done: dict[str, Any], parent: str, changes: dict[str, Any], words: str
) -> None:
    """AWS: same objective, and the same hyperparameters as the parent has.

    Source: SageMaker developer guide, "Run a Warm Start Hyperparameter Tuning Job".
    """
    warm_start = _warm(parent or done["HyperParameterTuningJobName"], "TransferLearning")

    with pytest.raises(ClientError, match=words):
        workbench.tune(_SCRIPT, _config("Random", 1) | changes, warm_start=warm_start)


def test_search_ends_when_nothing_improves(workbench: Workbench) -> None:
    """AWS: BestObjectiveNotImproving counts the jobs that do not improve the best one by 1 % or more.

    Source: SageMaker developer guide, "Track and set completion criteria for your tuning job".
    """
    criteria = {"BestObjectiveNotImproving": {"MaxNumberOfTrainingJobsNotImproving": 3}}
    limits = {"MaxNumberOfTrainingJobs": 50, "MaxParallelTrainingJobs": 2}
    config = _config("Random", 50) | {"TuningJobCompletionCriteria": criteria, "ResourceLimits": limits}

    job = workbench.tuned(workbench.tune("print('score=1')", config))

    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert 4 <= sum(job["TrainingJobStatusCounters"].values()) < 10


def test_deleted_tuning_job_leaves_its_training_jobs(workbench: Workbench) -> None:
    """AWS: "deletes only the tuning job entry".

    Source: SageMaker API reference, DeleteHyperParameterTuningJob.
    """
    name = workbench.tune("print('score=1')", _config("Random", 1))
    best = workbench.tuned(name)["BestTrainingJob"]["TrainingJobName"]

    workbench.sagemaker.delete_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)

    with pytest.raises(ClientError, match="can't find a tuning job called"):
        workbench.sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    assert workbench.sagemaker.describe_training_job(TrainingJobName=best)["TrainingJobStatus"] == "Completed"


def _wait_for_running(workbench: Workbench, name: str, num_jobs: int) -> None:
    def runs() -> bool:
        listed = workbench.sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
        return len([item for item in listed["TrainingJobSummaries"] if "TrainingStartTime" in item]) >= num_jobs

    eventually(runs, 20, f"{num_jobs} running jobs of tuning job {name!r}")
