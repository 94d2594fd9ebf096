"""A tuning job as SageMaker describes it, in the form its report is drawn from."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ops.errors import unless_gone
from ops.prices import book, items
from ops.runs import one_job
from ops.session import Session
from reports.tuning import Range, Trial, TuningJob

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.type_defs import HyperParameterTrainingJobSummaryTypeDef

OBJECTIVE_METRIC = "validation:best_top1"  # of the training job of all trials
_NOT_SHOWN = ("sagemaker_program", "sagemaker_submit_directory")


def load_tuning_job(session: Session, name: str) -> TuningJob:
    """Return the tuning job `name` with all its training jobs, as they are now.

    Raises:
        ClientError: there is no such tuning job.
    """
    described: dict[str, Any] = dict(
        session.sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    )
    config, definition = described["HyperParameterTuningJobConfig"], _definition(described)
    objective = config.get("HyperParameterTuningJobObjective") or definition.get("TuningObjective") or {}
    resources, limits = definition.get("ResourceConfig", {}), config["ResourceLimits"]
    hour = items.training(resources.get("InstanceType", "unknown"))
    prices = book.prices(session, [hour])
    return TuningJob(
        name=name,
        status=described["HyperParameterTuningJobStatus"],
        strategy=config["Strategy"],
        objective_name=objective.get("MetricName", "objective"),
        maximizes=objective.get("Type", "Maximize") == "Maximize",
        created_at=described["CreationTime"],
        ended_at=described.get("HyperParameterTuningEndTime"),
        instance_type=resources.get("InstanceType", "unknown"),
        instance_count=int(resources.get("InstanceCount", 1)),
        max_jobs=limits.get("MaxNumberOfTrainingJobs"),
        max_parallel_jobs=limits["MaxParallelTrainingJobs"],
        ranges=ranges(config.get("ParameterRanges") or definition.get("HyperParameterRanges") or {}),
        trials=_trials(session, name),
        static={
            key: _plain(value)
            for key, value in sorted(definition.get("StaticHyperParameters", {}).items())
            if key not in _NOT_SHOWN
        },
        failure=described.get("FailureReason", ""),
        dollars_per_hour=prices.dollars(hour),
        prices_of=prices.words(hour),
    )


def load_trials_job(session: Session, name: str) -> TuningJob | None:
    """Return the training job of all trials `name` as it is now, as if it were a tuning job; None if there is none."""
    job = unless_gone(session.sagemaker.describe_training_job, TrainingJobName=name)
    if job is None:
        return None
    values = {key: _plain(value) for key, value in sorted(job.get("HyperParameters", {}).items())}
    space = values.pop("search_space", "{}")
    resources, given = job["ResourceConfig"], one_job.document(session, job)["trials"]
    trials = [_trial_in_job(name, row) for row in given]
    instance_type = str(resources.get("InstanceType", "unknown"))
    hour = items.training(instance_type)
    prices = book.prices(session, [hour])
    return TuningJob(
        name=name,
        status=job["TrainingJobStatus"],
        strategy=values.pop("tuning_strategy", "unknown"),
        objective_name=OBJECTIVE_METRIC,
        maximizes=True,
        created_at=job["CreationTime"],
        ended_at=job.get("TrainingEndTime"),
        instance_type=instance_type,
        instance_count=int(resources.get("InstanceCount", 1)),
        max_jobs=int(values.pop("max_trials", len(trials))),
        max_parallel_jobs=1,
        ranges=ranges(json.loads(space)),
        trials=trials,
        static={key: value for key, value in values.items() if key not in _NOT_SHOWN},
        failure=job.get("FailureReason", ""),
        dollars_per_hour=prices.dollars(hour),
        prices_of=prices.words(hour),
        own_seconds=float(job.get("TrainingTimeInSeconds", 0)),
    )


def _trial_in_job(job_name: str, row: dict[str, Any]) -> Trial:
    began = datetime.fromisoformat(row["started_at"])
    return Trial(
        number=row["number"],
        name=one_job.trial_name(job_name, row["number"]),
        status=row["status"],
        objective=row["objective"],
        hyperparameters={key: _plain(value) for key, value in row["hyperparameters"].items()},
        started_at=began,
        ended_at=datetime.fromisoformat(row["ended_at"]) if row["ended_at"] else None,
        failure=row["failure"],
    )


def ranges(given: dict[str, Any]) -> list[Range]:
    """Return SageMaker's ParameterRanges in the order continuous, integer, categorical."""
    tuned = []
    for kind, is_integer in (("ContinuousParameterRanges", False), ("IntegerParameterRanges", True)):
        for one in given.get(kind) or []:
            is_logarithmic = one.get("ScalingType") in {"Logarithmic", "ReverseLogarithmic"}
            low, high = float(one["MinValue"]), float(one["MaxValue"])
            tuned.append(Range(one["Name"], low, high, is_logarithmic, is_integer))
    for one in given.get("CategoricalParameterRanges") or []:
        tuned.append(Range(one["Name"], choices=tuple(_plain(value) for value in one["Values"])))
    return tuned


def _trials(session: Session, name: str) -> list[Trial]:
    pages = session.sagemaker.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job").paginate(
        HyperParameterTuningJobName=name
    )
    summaries = [summary for page in pages for summary in page["TrainingJobSummaries"]]
    summaries.sort(key=lambda summary: (summary["CreationTime"], summary["TrainingJobName"]))
    return [_trial(number, summary) for number, summary in enumerate(summaries, start=1)]


def _trial(number: int, summary: HyperParameterTrainingJobSummaryTypeDef) -> Trial:
    metric = summary.get("FinalHyperParameterTuningJobObjectiveMetric")
    return Trial(
        number=number,
        name=summary["TrainingJobName"],
        status=summary["TrainingJobStatus"],
        objective=float(metric["Value"]) if metric else None,
        hyperparameters={key: _plain(value) for key, value in summary.get("TunedHyperParameters", {}).items()},
        started_at=summary.get("TrainingStartTime"),
        ended_at=summary.get("TrainingEndTime"),
        failure=summary.get("FailureReason", ""),
    )


def _definition(described: dict[str, Any]) -> dict[str, Any]:
    """Return the definition of the training jobs; of several, the first stands for all."""
    several = described.get("TrainingJobDefinitions") or [{}]
    definition: dict[str, Any] = described.get("TrainingJobDefinition") or several[0]
    return definition


def _plain(value: str) -> str:
    """Return a hyperparameter without the JSON quotes in which SageMaker's toolkit wants a string."""
    try:
        decoded = json.loads(value)
    except ValueError:
        return value
    return decoded if isinstance(decoded, str) else value
