"""Warm start: begin a tuning job with what the last one of the same dataset has learned."""

from collections.abc import Mapping
from typing import Any

from handlers.aws.logs import logger
from handlers.contract.settings import Settings
from handlers.ledger import Dataset, Ledger
from handlers.training_jobs.jobs import describe
from handlers.training_jobs.search_space import tuned_names

_ENDED = ("Completed", "Stopped", "Failed")
_MAX_TRAINING_JOBS = 500  # of a tuning job and its parents together


def warm_start_config(
    request: Mapping[str, Any], dataset_name: str, ledger: Ledger, settings: Settings
) -> dict[str, Any]:
    """Return the WarmStartConfig member of a CreateHyperParameterTuningJob request; nothing where none is of use.

    Grid tries everything anyway, and Hyperband weighs results of different lengths, which a parent does not tell.
    """
    if settings.tuning_warm_start == "Off" or settings.tuning_strategy not in ("Bayesian", "Random"):
        return {}
    noted = Dataset.get(ledger, dataset_name)
    name = noted.tuning_job_name if noted else None
    parent = describe("tuning", name) if name and name != request["HyperParameterTuningJobName"] else None
    if parent is None:
        return {}
    problem = _problem(parent, request)
    if problem:
        logger.info("no warm start", parent=name, reason=problem)
        return {}
    parents = [{"HyperParameterTuningJobName": name}]
    return {"WarmStartConfig": {"ParentHyperParameterTuningJobs": parents, "WarmStartType": _kind(parent, request)}}


def _problem(parent: Mapping[str, Any], request: Mapping[str, Any]) -> str:
    """Return why SageMaker would refuse `parent`, or why it teaches nothing; "" when it can be used.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-warm-start.html
    """
    config, own = parent["HyperParameterTuningJobConfig"], request["HyperParameterTuningJobConfig"]
    if parent["HyperParameterTuningJobStatus"] not in _ENDED or "BestTrainingJob" not in parent:
        return f"it is {parent['HyperParameterTuningJobStatus']} without a best training job"
    if config["HyperParameterTuningJobObjective"] != own["HyperParameterTuningJobObjective"]:
        return "its objective is another one"
    if _hyperparameters(parent) != _hyperparameters(request):
        return "its hyperparameters are others"
    num_jobs = sum(parent["TrainingJobStatusCounters"].get(part, 0) for part in ("Completed", "Stopped"))
    if num_jobs + own["ResourceLimits"].get("MaxNumberOfTrainingJobs", 0) > _MAX_TRAINING_JOBS:
        return f"its {num_jobs} training jobs and the new ones are more than {_MAX_TRAINING_JOBS}"
    return ""


def _hyperparameters(job: Mapping[str, Any]) -> set[str]:
    """Return the names of all hyperparameters, static or tuned; SageMaker adds some of its own to a description."""
    ranges = job["HyperParameterTuningJobConfig"]["ParameterRanges"]
    static = job["TrainingJobDefinition"]["StaticHyperParameters"]
    return {name for name in (*static, *tuned_names(ranges)) if not name.startswith("_")}


def _kind(parent: Mapping[str, Any], request: Mapping[str, Any]) -> str:
    """Return IdenticalDataAndAlgorithm only where data, image and fixed hyperparameters are the same to the letter."""
    old, new = parent["TrainingJobDefinition"], request["TrainingJobDefinition"]
    is_same = (
        _uris(old) == _uris(new)
        and old["AlgorithmSpecification"]["TrainingImage"] == new["AlgorithmSpecification"]["TrainingImage"]
        and all(old["StaticHyperParameters"].get(name) == value for name, value in new["StaticHyperParameters"].items())
    )
    return "IdenticalDataAndAlgorithm" if is_same else "TransferLearning"


def _uris(definition: Mapping[str, Any]) -> dict[str, str]:
    channels = definition["InputDataConfig"]
    return {channel["ChannelName"]: channel["DataSource"]["S3DataSource"]["S3Uri"] for channel in channels}
