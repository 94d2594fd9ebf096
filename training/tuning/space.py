"""What is tuned and how far, read from SageMaker's ParameterRanges; and the settings that a trial has of it."""

import json
from dataclasses import dataclass, replace
from typing import Any

from training.config import TrainingConfig
from training.errors import ConfigError
from training.flags import check_bounds

# What heads side by side may differ in; all else is one value for all of them.
TUNABLE = ("lr", "weight_decay", "dropout", "label_smoothing", "batch_size", "head")


@dataclass(frozen=True)
class Continuous:
    """A number from `low` to `high`."""

    name: str
    low: float
    high: float
    is_logarithmic: bool


@dataclass(frozen=True)
class Category:
    """One of `values`, each a JSON text, as SageMaker's toolkit reads hyperparameters."""

    name: str
    values: tuple[str, ...]


Range = Continuous | Category


def read_space(text: str) -> list[Range]:
    """Return the ranges of a ParameterRanges in JSON.

    Raises:
        ConfigError: it is none, or it tunes what heads side by side cannot differ in.
    """
    try:
        given = json.loads(text)
        ranges: list[Range] = [_continuous(one) for one in given.get("ContinuousParameterRanges", [])]
        ranges += [
            Category(one["Name"], tuple(map(str, one["Values"]))) for one in given.get("CategoricalParameterRanges", [])
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"search_space: {text[:80]!r}; give ParameterRanges as JSON ({error!r})") from error
    if not ranges:
        raise ConfigError(f"search_space: {text[:80]!r} has no range; give at least one")
    for one in ranges:
        if one.name not in TUNABLE:
            raise ConfigError(f"search_space: {one.name!r} cannot be tuned in one job; use {', '.join(TUNABLE)}")
    return ranges


def _continuous(given: dict[str, str]) -> Continuous:
    low, high = float(given["MinValue"]), float(given["MaxValue"])
    is_logarithmic = given.get("ScalingType") == "Logarithmic"
    if not low <= high or (is_logarithmic and low <= 0):
        raise ValueError(f"{given['Name']}: {low:g}..{high:g}")
    return Continuous(given["Name"], low, high, is_logarithmic)


def trial_config(config: TrainingConfig, hyperparameters: dict[str, str]) -> TrainingConfig:
    """Return the settings of the trial that has these tuned values, as SageMaker would give them to a job.

    Raises:
        ConfigError: one of them is out of range.
    """
    values: dict[str, Any] = {name: json.loads(text) for name, text in hyperparameters.items()}
    own = replace(config, **values)
    check_bounds(own)
    return own
