"""Warm start: begin a tuning job with what an earlier one of the same dataset has learned, where SageMaker allows it.

The rules for a parent, all from one page. Hyperparameters are static (one value) or tuned (continuous, integer,
categorical), and a parent must have ended.

    objective metric             the same
    names, static and tuned      the same set; what was static may be tuned and the other way round
    type of what both tune       the same, so a job after one that tried a grid begins anew
    changes to static values     at most 10 in all: 2 for another value, 1 for what was tuned, of a category one a value
    training jobs                at most 500 with those of the parent

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-warm-start.html
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from handlers import aws
from handlers.aws.logs import logger
from handlers.contract.errors import AwsRequestError
from handlers.contract.settings import Settings
from handlers.ledger import Dataset, Ledger, Run
from handlers.training_jobs.jobs import describe

_ENDED = ("Completed", "Stopped", "Failed")
_MAX_TRAINING_JOBS = 500  # of a tuning job and its parents together
_MAX_CHANGES = 10
_VALUE_CHANGE = 2  # the old value and the new one


class WarmStart(NamedTuple):
    """The WarmStartConfig member of a request, or nothing, and what a person reads of it."""

    member: dict[str, Any]
    sentence: str


def warm_start(request: Mapping[str, Any], dataset_name: str, ledger: Ledger, settings: Settings) -> WarmStart:
    """Return what a CreateHyperParameterTuningJob request begins with: the newest parent that SageMaker would take.

    Grid tries everything anyway, and Hyperband weighs results of different lengths, which a parent does not tell.
    """
    if settings.tuning_warm_start == "Off" or settings.tuning_strategy not in ("Bayesian", "Random"):
        return WarmStart({}, "")
    noted = Dataset.get(ledger, dataset_name)
    reasons = []
    for name in noted.tuning_jobs() if noted else []:
        parent = describe("tuning", name) if name != request["HyperParameterTuningJobName"] else None
        reason = problem_of(parent, request) if parent else "it is gone"
        if parent and not reason:
            parents = [{"HyperParameterTuningJobName": name}]
            config = {"ParentHyperParameterTuningJobs": parents, "WarmStartType": _kind(parent, request)}
            return WarmStart({"WarmStartConfig": config}, f"began with what {name} has learned")
        reasons.append(f"{name}: {reason}")
    return WarmStart({}, f"began anew; {'; '.join(reasons)}" if reasons else "")


def create(
    request: Mapping[str, Any], dataset_name: str, execution_name: str, ledger: Ledger, settings: Settings
) -> None:
    """Create the tuning job, without its parent if SageMaker refuses that: an old job is no reason to fail for ever."""
    begin = warm_start(request, dataset_name, ledger, settings)
    client, sentence = aws.sagemaker(), begin.sentence
    try:
        client.create_hyper_parameter_tuning_job(**request, **begin.member)
    except AwsRequestError as error:
        if not begin.member or error.code != "ValidationException":
            raise
        client.create_hyper_parameter_tuning_job(**request)
        sentence = f"began anew; SageMaker refused the parent: {error}"
    if sentence:
        logger.info("warm start", outcome=sentence)
        Run(execution_name).note_warm_start(ledger, sentence)


def problem_of(parent: Mapping[str, Any], request: Mapping[str, Any]) -> str:
    """Return why SageMaker would refuse `parent`, or why it teaches nothing; "" when it can be used."""
    config, own = parent["HyperParameterTuningJobConfig"], request["HyperParameterTuningJobConfig"]
    if parent["HyperParameterTuningJobStatus"] not in _ENDED or "BestTrainingJob" not in parent:
        return f"it is {parent['HyperParameterTuningJobStatus']} without a best training job"
    if config["HyperParameterTuningJobObjective"] != own["HyperParameterTuningJobObjective"]:
        return "its objective is another one"
    num_jobs = sum(parent["TrainingJobStatusCounters"].get(part, 0) for part in ("Completed", "Stopped"))
    if num_jobs + own["ResourceLimits"].get("MaxNumberOfTrainingJobs", 0) > _MAX_TRAINING_JOBS:
        return f"its {num_jobs} training jobs and the new ones are more than {_MAX_TRAINING_JOBS}"
    return _difference(parent, request)


def _difference(parent: Mapping[str, Any], request: Mapping[str, Any]) -> str:
    """Return which rule the hyperparameters of the two break, if any."""
    old_static, new_static = _static(parent), _static(request)
    old_tuned, new_tuned = _tuned(parent), _tuned(request)
    others = (old_static.keys() | old_tuned.keys()) ^ (new_static.keys() | new_tuned.keys())
    if others:
        return f"its hyperparameters are others ({', '.join(sorted(others))})"
    for name in sorted(old_tuned.keys() & new_tuned.keys()):
        if old_tuned[name][0] != new_tuned[name][0]:
            return f"its {name} is {old_tuned[name][0]}, not {new_tuned[name][0]}"
    changes = {name: _changes(value, old_static.get(name), old_tuned.get(name)) for name, value in new_static.items()}
    if sum(changes.values()) > _MAX_CHANGES:
        counted = ", ".join(name for name, count in sorted(changes.items()) if count)
        return f"{sum(changes.values())} changes to fixed hyperparameters, at most {_MAX_CHANGES} are taken ({counted})"
    return ""


def _changes(value: str, old_value: str | None, old_range: tuple[str, frozenset[str]] | None) -> int:
    """Return how much SageMaker counts for a hyperparameter that is static now."""
    if old_range is not None:  # the new value counts too where it is none of the category's, which the page leaves open
        kind, values = old_range
        return len(values | {value}) if kind == "categorical" else 1
    return 0 if value == old_value else _VALUE_CHANGE


def _static(job: Mapping[str, Any]) -> dict[str, str]:
    """Return the static hyperparameters; SageMaker adds some of its own to a description."""
    static = job["TrainingJobDefinition"].get("StaticHyperParameters", {})
    return {name: value for name, value in static.items() if not name.startswith("_")}


def _tuned(job: Mapping[str, Any]) -> dict[str, tuple[str, frozenset[str]]]:
    """Return type and, of a category, values of each tuned hyperparameter."""
    ranges = job["HyperParameterTuningJobConfig"]["ParameterRanges"]
    return {
        one["Name"]: (kind.removesuffix("ParameterRanges").lower(), frozenset(one.get("Values", ())))
        for kind, given in ranges.items()
        for one in given
    }


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
