"""Each setting of a training job is declared in training/config.py; template and functions repeat it faithfully."""

import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from handlers.contract.combinations import parameter_name
from handlers.contract.settings import Settings
from handlers.training_jobs.jobs import PASSED_ON
from handlers.training_jobs.search_space import search_space
from tests.handlers.environment import ENVIRONMENT
from training.config import FOLDERS, TrainingConfig
from training.flags import Setting, declared_settings

DECLARED = declared_settings(TrainingConfig)
OWN = {declared.name: declared.metadata for declared in dataclasses.fields(Settings)}

# What the stack's parameter says otherwise than train.py's flag, and why.
DIFFERENT = {
    ("trainable", "Default"): "a stack computes features once for all trials; a plain machine trains once",
    ("epochs", "MaxValue"): "a job of more ends at TrainingMaxRuntimeSeconds first",
    ("patience", "Default"): "trials that gain nothing more are not paid for",
    ("patience", "MinValue"): "0 would never stop; 1000 does the same",
    ("patience", "MaxValue"): "no job has more epochs",
    ("seed", "Default"): "any number does; another default would train every deployed stack anew",
    ("seed", "MaxValue"): "SageMaker's RandomSeed takes no more",
}
# Flags that no parameter sets, and what does.
NOT_SETTABLE = {
    "head_width": "a detail of one of the two heads that the tuning job chooses between",
    "warmup_epochs": "a tenth of all steps, whatever Epochs is",
    "progressive_unfreeze": "the tuning job chooses unfreeze_depth instead",
    "precision": "auto takes what the instance type has",
    "extractor": "auto takes the engine that the instance type has",
    "feature_precision": "auto takes what the instance type has",
    "workers": "one a core of the instance type",
    "cache_mb": "2 GB; pictures beyond it are decoded anew in each epoch",
    "max_duplicates": "a split that is more than half a copy is no test",
    "calibrate": "without it probabilities mean less and nothing is gained",
    "test_fraction": "ValidationFraction, for both splits that are made",
    "made_splits": "what ValidateDataset made",
    "dataset_s3_uri": "where the dataset is",
    "dataset_fingerprint": "what the dataset is",
    "num_unusable": "what ValidateDataset counted",
    "champion_name": "what serves",
    "champion_problem": "what serves",
    "save_model": "true in the last job alone",
    "profile": "ProfileSteps",
    "data": "a plain machine's; jobs have channels",
    "download_dir": "a plain machine's; jobs have channels",
    "checkpoint_seconds": "a checkpoint a minute costs less than an interruption",
    "checkpoint_steps": "checkpoint_seconds",
}


def drift(name: str, declared: Setting, parameter: Mapping[str, Any] | None, own: Mapping[str, Any]) -> set[str]:
    """Return what template.yaml's parameter, or the functions' setting, says otherwise than the declaration."""
    if parameter is None:
        return {"name"}
    kinds = {"Default"} if parameter["Default"] != declared.default else set()
    if tuple(parameter.get("AllowedValues", ())) != declared.choices:
        kinds.add("AllowedValues")
    if own.get("choices", ()) != declared.choices:
        kinds.add("choices of the functions")
    for key, wanted in zip(("MinValue", "MaxValue"), declared.bounds or (None, None), strict=True):
        if parameter.get(key) != wanted:
            kinds.add(key)
    low_and_high = (own.get("low"), own.get("high"))
    if name in PASSED_ON and declared.bounds and low_and_high != declared.bounds:
        kinds.add("range of the functions")
    words = re.findall(r"[\w.]+", parameter["Description"])
    return kinds | {"Description" for value in explained(declared) if value not in words}


def explained(declared: Setting) -> set[str]:
    """Return the values whose meaning the flag's help tells, and a person has to know of the parameter too."""
    values = set(re.findall(r"(?:^|[;,] )([\w.]+): ", declared.help))
    return {value for value in values if value in declared.choices or value.isdigit()} - {str(declared.default)} | {
        value for value in values if value.isdigit() and f"{value}: off" in declared.help
    }


def settable() -> dict[str, Setting]:
    """Return the settings that a parameter of the stack bears the name of."""
    return {name: declared for name, declared in DECLARED.items() if name in OWN}


@pytest.mark.parametrize("name", settable())
def test_parameters_are_what_train_py_declares(template: dict[str, Any], name: str) -> None:
    """Name, default, range and values, and the meaning of each value; what differs has its reason, and does differ."""
    reasoned = {kind for other, kind in DIFFERENT if other == name}

    assert drift(name, DECLARED[name], template["Parameters"].get(parameter_name(name)), OWN[name]) == reasoned


def test_every_flag_is_a_parameter_is_tuned_or_has_its_reason() -> None:
    """A new flag of train.py fails here until somebody has decided how a stack sets it."""
    tuned = {
        one.name
        for trainable in ("head", "full")
        for weights in ("none", "imagenet")
        for one in search_space(Settings.from_env({**ENVIRONMENT, "TRAINABLE": trainable, "WEIGHTS": weights}))
    }
    channels = {name for name, declared in DECLARED.items() if declared.from_environ}

    without = DECLARED.keys() - settable().keys() - tuned - channels

    assert without - NOT_SETTABLE.keys() == set()
    assert NOT_SETTABLE.keys() & (settable().keys() | tuned | channels) == set()
    assert {name for name in channels if DECLARED[name].group != FOLDERS} == {"features"}


_CHANGES: dict[str, Callable[[dict[str, Any], dict[str, Any]], None]] = {
    "Default": lambda parameter, _: parameter.update(Default=3),
    "MinValue": lambda parameter, _: parameter.update(MinValue=0.1),
    "MaxValue": lambda parameter, _: parameter.pop("MaxValue"),
    "AllowedValues": lambda parameter, _: parameter.update(AllowedValues=["0", "1"]),
    "Description": lambda parameter, _: parameter.update(Description="Alpha of Mixup."),
    "range of the functions": lambda _, own: own.update(high=5),
    "choices of the functions": lambda _, own: own.update(choices=("0", "1")),
}


@pytest.mark.parametrize("kind", _CHANGES)
def test_each_kind_of_drift_is_seen(template: dict[str, Any], kind: str) -> None:
    """What the tests above would find, tried on one parameter."""
    parameter, own = dict(template["Parameters"]["Mixup"]), dict(OWN["mixup"])
    assert drift("mixup", DECLARED["mixup"], parameter, own) == set()

    _CHANGES[kind](parameter, own)

    assert drift("mixup", DECLARED["mixup"], parameter, own) == {kind}
    assert drift("mixup", DECLARED["mixup"], None, own) == {"name"}
