"""The hyperparameters that the tuning job varies and how far: the only place that says so.

    name             scale        frozen backbone   pretrained, all trained   from scratch
    lr               logarithmic  3e-4 .. 3e-2      1e-5 .. 1e-3              3e-4 .. 1e-2
    weight_decay     logarithmic  1e-6 .. 1e-1      the same                  the same
    dropout          linear       0 .. 0.5          the same                  the same
    label_smoothing  linear       0 .. 0.2          the same                  the same
    batch_size       category     32, 64            the same                  the same
    head             category     linear, mlp       -                         -
    layer_lr_decay   linear       -                 0.5 .. 1                  -
    unfreeze_depth   category     -                 all, 2, 1 stages          -

Grid tries categories only, by SageMaker's rule, and every combination of them: it takes the first values of `grid`
below, parameter by parameter, as long as the combinations stay within MaxTuningJobs.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from handlers.contract.settings import Settings

LOGARITHMIC, LINEAR = "Logarithmic", "Linear"


@dataclass(frozen=True)
class Continuous:
    """A hyperparameter within `low`..`high`, both as SageMaker is to read them."""

    name: str
    low: str
    high: str
    scale: str
    default: float  # where the strategy does not vary it

    @property
    def grid(self) -> tuple[str, ...]:
        """Return the values that Grid may try, the most telling first."""
        low, high = float(self.low), float(self.high)
        middle = math.sqrt(low * high) if self.scale == LOGARITHMIC else (low + high) / 2
        return (f"{middle:.6g}", self.low, self.high)


@dataclass(frozen=True)
class Category:
    """A hyperparameter that takes one of `values`, JSON-encoded as the toolkit reads them."""

    name: str
    values: tuple[str, ...]

    @property
    def default(self) -> Any:
        """Return the first value, where the strategy does not vary it."""
        return json.loads(self.values[0])

    @property
    def grid(self) -> tuple[str, ...]:
        """Return the values that Grid may try."""
        return self.values


Parameter = Continuous | Category
# 16 took 1.6 to 2 times as long as 32 on a CPU and scored no better (docs/experiments.md)
_BATCH_SIZE = Category("batch_size", ("32", "64"))
_HEAD = Category("head", ('"linear"', '"mlp"'))
_UNFREEZE_DEPTH = Category("unfreeze_depth", ("-1", "2", "1"))  # stages from the last; -1: all
_WEIGHT_DECAY = Continuous("weight_decay", "0.000001", "0.1", LOGARITHMIC, 0.01)  # a logarithm needs more than 0
_DROPOUT = Continuous("dropout", "0.0", "0.5", LINEAR, 0.2)
_LABEL_SMOOTHING = Continuous("label_smoothing", "0.0", "0.2", LINEAR, 0.1)
_LAYER_LR_DECAY = Continuous("layer_lr_decay", "0.5", "1.0", LINEAR, 1.0)


def search_space(settings: Settings) -> list[Parameter]:
    """Return what is tuned under these settings, the most telling first."""
    if settings.trainable == "head":  # a fresh head bears more than pretrained weights do
        lr = Continuous("lr", "0.0003", "0.03", LOGARITHMIC, 0.003)
        return [lr, _HEAD, _BATCH_SIZE, _WEIGHT_DECAY, _DROPOUT, _LABEL_SMOOTHING]
    if settings.weights == "none":
        lr = Continuous("lr", "0.0003", "0.01", LOGARITHMIC, 0.001)
        return [lr, _BATCH_SIZE, _WEIGHT_DECAY, _LABEL_SMOOTHING, _DROPOUT]
    lr = Continuous("lr", "0.00001", "0.001", LOGARITHMIC, 0.0001)
    return [lr, _UNFREEZE_DEPTH, _LAYER_LR_DECAY, _BATCH_SIZE, _WEIGHT_DECAY, _DROPOUT, _LABEL_SMOOTHING]


def grid(settings: Settings) -> dict[str, tuple[str, ...]]:
    """Return the values that Grid tries; their combinations are at most MaxTuningJobs."""
    chosen: dict[str, tuple[str, ...]] = {}
    room = settings.max_tuning_jobs
    for parameter in search_space(settings):
        values = parameter.grid[: max(1, room)]
        if not chosen or len(values) > 1:
            chosen[parameter.name] = values
            room //= len(values)
    return chosen


def num_tuning_jobs(settings: Settings) -> int:
    """Return how many training jobs the tuning job starts, at most."""
    if settings.tuning_strategy == "Grid":
        return math.prod(len(values) for values in grid(settings).values())
    return settings.max_tuning_jobs


def parameter_ranges(settings: Settings) -> dict[str, Any]:
    """Return ParameterRanges for the tuning strategy."""
    if settings.tuning_strategy == "Grid":
        items = grid(settings).items()
        return {"CategoricalParameterRanges": [{"Name": name, "Values": list(values)} for name, values in items]}
    parameters = search_space(settings)
    return {
        "ContinuousParameterRanges": [
            {"Name": one.name, "MinValue": one.low, "MaxValue": one.high, "ScalingType": one.scale}
            for one in parameters
            if isinstance(one, Continuous)
        ],
        "CategoricalParameterRanges": [
            {"Name": one.name, "Values": list(one.values)} for one in parameters if isinstance(one, Category)
        ],
    }


def untuned(settings: Settings) -> dict[str, Any]:
    """Return values for the hyperparameters that the strategy leaves out, so that every job gets all of them."""
    tuned = set(tuned_names(parameter_ranges(settings)))
    return {one.name: one.default for one in search_space(settings) if one.name not in tuned}


def tuned_names(ranges: dict[str, Any]) -> Sequence[str]:
    """Return the names in a ParameterRanges."""
    return [one["Name"] for kind in ranges.values() for one in kind]
