"""SageMaker's rules for the parent of a warm start, on descriptions as it gives them.

Source: SageMaker developer guide, "Run a Warm Start Hyperparameter Tuning Job".
"""

import copy
from typing import Any

import pytest
from embedded_account.errors import ServiceError
from embedded_account.sagemaker.tuning import warm_start

_KINDS = ("Integer", "Continuous", "Categorical")


def _job(static: dict[str, str], **tuned: tuple[str, list[str]]) -> dict[str, Any]:
    """Return a tuning job with fixed and tuned (type, values) hyperparameters, as a request and as a description."""
    ranges = {
        f"{kind}ParameterRanges": [
            {"Name": name, **({"Values": values} if values else {})}
            for name, (own, values) in tuned.items()
            if own == kind
        ]
        for kind in _KINDS
    }
    return {
        "HyperParameterTuningJobName": "parent",
        "HyperParameterTuningJobStatus": "Completed",
        "HyperParameterTuningJobConfig": {
            "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "top1"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 10},
            "ParameterRanges": ranges,
        },
        "TrainingJobDefinition": {
            "StaticHyperParameters": static,
            "AlgorithmSpecification": {"TrainingImage": "image"},
        },
        "TrainingJobStatusCounters": {"Completed": 10},
        "WarmStartConfig": {"WarmStartType": "TransferLearning"},
    }


_COLOURS = ("Categorical", ["red", "blue"])
_RATE: tuple[str, list[str]] = ("Continuous", [])


@pytest.mark.parametrize(
    ("parent", "new", "words"),
    [
        (
            _job({}, rate=_RATE),
            _job({}, rate=("Categorical", ["1"])),
            "type of the hyperparameter rate must not change",
        ),
        (_job({}, rate=_RATE), _job({}, rate=("Integer", [])), "type of the hyperparameter rate must not change"),
        (_job({"a": "1"}, rate=_RATE), _job({"b": "1"}, rate=_RATE), "names is not the same"),
        (
            _job(dict.fromkeys("abcdef", "1"), rate=_RATE),
            _job(dict.fromkeys("abcdef", "2"), rate=_RATE),
            "is 12 since the parent tuning job parent; it cannot be more than 10",
        ),
        (
            _job(dict.fromkeys("abcde", "1"), colour=_COLOURS, rate=_RATE),
            _job(dict.fromkeys("abcde", "2") | {"colour": "red"}, rate=_RATE),
            "is 12 since",
        ),
    ],
    ids=[
        "category for continuous",
        "integer for continuous",
        "another name",
        "six values",
        "a category and five values",
    ],
)
def test_parent_that_breaks_a_rule_is_refused(parent: dict[str, Any], new: dict[str, Any], words: str) -> None:
    """A ValidationException says which rule."""
    with pytest.raises(ServiceError, match=words):
        warm_start.check(parent, new)


@pytest.mark.parametrize(
    "new",
    [
        _job(dict.fromkeys("abcde", "2"), rate=_RATE, colour=_COLOURS),
        _job(dict.fromkeys("abcde", "1") | {"rate": "0.1", "colour": "red"}),
        _job(dict.fromkeys("abcd", "2") | {"e": "1", "colour": "red"}, rate=_RATE),
        _job(dict.fromkeys("bcde", "1"), a=_RATE, rate=_RATE, colour=("Categorical", ["green"])),
    ],
    ids=["five values", "tuned ones fixed", "ten changes", "a fixed one tuned, another range"],
)
def test_parent_within_the_rules_is_taken(new: dict[str, Any]) -> None:
    """Ranges may change, static may become tuned and the other way round, and ten changes are allowed."""
    warm_start.check(_job(dict.fromkeys("abcde", "1"), rate=_RATE, colour=_COLOURS), new)


def test_parents_together_have_limits() -> None:
    """At most five, and 500 training jobs with the new one's."""
    parent = _job({}, rate=_RATE)
    large = copy.deepcopy(parent) | {"TrainingJobStatusCounters": {"Completed": 400, "Stopped": 91}}

    with pytest.raises(ServiceError, match="6 parent tuning jobs; at most 5"):
        warm_start.check_together([parent] * 6, parent)
    with pytest.raises(ServiceError, match="have 501 training jobs; at most 500"):
        warm_start.check_together([large], parent)
    warm_start.check_together([parent] * 5, parent)
