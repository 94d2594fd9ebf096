"""Which earlier tuning job SageMaker takes as the parent of a warm start.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-warm-start.html
"""

from typing import Any

from embedded_account.sagemaker.shared.resources import validation_error
from embedded_account.sagemaker.tuning.request import OBJECTIVE_HYPERPARAMETER

_MAX_PARENTS = 5
_MAX_TRAINING_JOBS = 500
_MAX_CHANGES = 10
_VALUE_CHANGE = 2  # "red" before and "blue" now are two values


def check_together(parents: list[dict[str, Any]], request: dict[str, Any]) -> None:
    """Raise what SageMaker answers when the tuning jobs `parents`, as they are described, are too many."""
    if len(parents) > _MAX_PARENTS:
        raise validation_error(f"A warm start has {len(parents)} parent tuning jobs; at most {_MAX_PARENTS} are taken.")
    finished = [
        parent["TrainingJobStatusCounters"].get(kind, 0) for parent in parents for kind in ("Completed", "Stopped")
    ]
    num_jobs = sum(finished) + request["HyperParameterTuningJobConfig"]["ResourceLimits"].get(
        "MaxNumberOfTrainingJobs", 0
    )
    if parents and num_jobs > _MAX_TRAINING_JOBS:
        raise validation_error(
            f"The tuning job and its parents have {num_jobs} training jobs; at most {_MAX_TRAINING_JOBS} are taken."
        )


def check(parent: dict[str, Any], request: dict[str, Any]) -> None:
    """Raise what SageMaker answers when the tuning job `parent`, as it is described, cannot be a warm start."""
    name = parent["HyperParameterTuningJobName"]
    if parent["HyperParameterTuningJobStatus"] not in {"Completed", "Stopped", "Failed"}:
        raise validation_error(f"Parent tuning job {name} is not in a terminal state.")
    old, new = parent["HyperParameterTuningJobConfig"], request["HyperParameterTuningJobConfig"]
    if old["HyperParameterTuningJobObjective"] != new["HyperParameterTuningJobObjective"]:
        raise validation_error(f"The objective metric must be the same as that of the parent tuning job {name}.")
    if _names(parent) != _names(request):
        # Source of the words: https://github.com/aws/amazon-sagemaker-examples/issues/861
        raise validation_error(
            "The set of tunable plus static HyperParameter names is not the same across current and parent tuning jobs."
            " Please ensure this set is constant when warm starting. Note that previously static HyperParameters can be"
            " tuned in warm start jobs and vice versa."
        )
    _check_types(parent, request)
    _check_changes(parent, request)
    images = [job["TrainingJobDefinition"]["AlgorithmSpecification"]["TrainingImage"] for job in (parent, request)]
    if request["WarmStartConfig"]["WarmStartType"] == "IdenticalDataAndAlgorithm" and images[0] != images[1]:
        raise validation_error(f"IDENTICAL_DATA_AND_ALGORITHM: the training image must be that of the parent {name}.")


def _check_types(parent: dict[str, Any], request: dict[str, Any]) -> None:
    old, new = _ranges(parent), _ranges(request)
    for name in sorted(old.keys() & new.keys()):
        if old[name][0] != new[name][0]:
            raise validation_error(
                f"The type of the hyperparameter {name} must not change between the parent tuning job "
                f"{parent['HyperParameterTuningJobName']} ({old[name][0]}) and the new one ({new[name][0]})."
            )


def _check_changes(parent: dict[str, Any], request: dict[str, Any]) -> None:
    """Count as the page does: each value of a category that becomes static, and 2 for another static value."""
    old_static, old_tuned = _static(parent), _ranges(parent)
    changes = 0
    for name, value in _static(request).items():
        if name in old_tuned:
            kind, values = old_tuned[name]
            changes += len(values) if kind == "CategoricalParameterRanges" else 1
        elif old_static[name] != value:
            changes += _VALUE_CHANGE
    if changes > _MAX_CHANGES:
        raise validation_error(
            f"The number of changes from tunable to static hyperparameters and of values of static hyperparameters is "
            f"{changes} since the parent tuning job {parent['HyperParameterTuningJobName']}; it cannot be more than "
            f"{_MAX_CHANGES}."
        )


def _names(job: dict[str, Any]) -> set[str]:
    return set(_static(job)) | set(_ranges(job))


def _static(job: dict[str, Any]) -> dict[str, str]:
    given = job["TrainingJobDefinition"].get("StaticHyperParameters", {})
    return {name: value for name, value in given.items() if name != OBJECTIVE_HYPERPARAMETER}


def _ranges(job: dict[str, Any]) -> dict[str, tuple[str, list[str]]]:
    """Return the kind and the values, which a category has, of each tuned hyperparameter."""
    given = job["HyperParameterTuningJobConfig"]["ParameterRanges"]
    return {item["Name"]: (kind, item.get("Values", [])) for kind, items in given.items() for item in items}
