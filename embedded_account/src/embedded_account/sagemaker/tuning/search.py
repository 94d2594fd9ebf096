"""Which hyperparameters a tuning job tries next: Optuna chooses, within SageMaker's ranges."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import Trial, TrialState, create_trial

from embedded_account.sagemaker.tuning.grid import combinations

optuna.logging.set_verbosity(optuna.logging.WARNING)

_MAX_RANDOM_STARTS = 10
_WIDE = 100.0  # from this ratio of the bounds on, ScalingType Auto means Logarithmic
_STARTS_BEFORE_MEDIAN = 3
_WARM_UP_REPORTS = 2


@dataclass(frozen=True)
class Range:
    """One tuned hyperparameter: how Optuna draws it, and the text that the training job gets."""

    name: str
    distribution: BaseDistribution
    text: Callable[[Any], str]
    value: Callable[[str], Any]  # the inverse of `text`; raises ValueError for what is none

    def read(self, text: str) -> Any:
        """Return the value that `text` is to Optuna, or None when it is outside of this range."""
        try:
            value = self.value(text)
            return value if self.distribution._contains(self.distribution.to_internal_repr(value)) else None
        except ValueError:
            return None


@dataclass(frozen=True)
class Past:
    """What a training job of a parent tuning job reached with its hyperparameters, fixed ones included."""

    hyperparameters: dict[str, str]
    value: float


class Search:
    """Proposes hyperparameters and learns from what their training jobs reached; used by one thread."""

    def __init__(self, config: dict[str, Any]) -> None:
        """Start the search that a HyperParameterTuningJobConfig (already checked) describes."""
        self._ranges = ranges(config["ParameterRanges"])
        self._maximizes = maximize = config["HyperParameterTuningJobObjective"]["Type"] == "Maximize"
        self._study = optuna.create_study(
            study_name="tuning",  # Hyperband's brackets follow from it: the same seed, the same search
            direction="maximize" if maximize else "minimize",
            sampler=_sampler(config),
            pruner=_pruner(config),
        )
        if config["Strategy"] == "Grid":
            for combination in combinations(config):
                self._study.enqueue_trial(combination)

    def learn(self, past: Sequence[Past], *, is_identical: bool) -> None:
        """Begin with what parents have learned.

        On identical data and algorithm every result counts as one of this search. After transfer learning no value can
        be compared with the parents', so that the best of their hyperparameters are tried first and no more.
        """
        known = [(one.value, params) for one in past if (params := self._params(one)) is not None]
        if is_identical:
            distributions = {item.name: item.distribution for item in self._ranges}
            for value, params in known:
                self._study.add_trial(create_trial(params=params, distributions=distributions, value=value))
        elif known:
            sign = 1 if self._maximizes else -1
            self._study.enqueue_trial(max(known, key=lambda pair: sign * pair[0])[1])

    def _params(self, past: Past) -> dict[str, Any] | None:
        """Return the values of all ranges, or None when one lies outside of its range or was not given."""
        params = {item.name: item.read(past.hyperparameters.get(item.name, "")) for item in self._ranges}
        return None if None in params.values() else params

    def propose(self) -> tuple[Trial, dict[str, str]]:
        """Return a new trial and its hyperparameters as texts."""
        trial = self._study.ask({item.name: item.distribution for item in self._ranges})
        return trial, {item.name: item.text(trial.params[item.name]) for item in self._ranges}

    def report(self, trial: Trial, step: int, value: float) -> bool:
        """Note the objective that `trial` has at `step` (from 1); return whether it is to be stopped as hopeless."""
        trial.report(value, step)
        return bool(trial.should_prune())

    def finish(self, trial: Trial, value: float | None, *, pruned: bool = False) -> None:
        """Note the final objective of `trial`; None when its job failed or printed none."""
        if pruned:
            self._study.tell(trial, state=TrialState.PRUNED)
        elif value is None:
            self._study.tell(trial, state=TrialState.FAIL)
        else:
            self._study.tell(trial, value)


def ranges(given: dict[str, Any]) -> list[Range]:
    """Return the ranges of a ParameterRanges member.

    Raises:
        ValueError: a bound is no number, or the range is empty, or its scaling does not fit it.
    """
    return [
        *(_continuous(item) for item in given.get("ContinuousParameterRanges", [])),
        *(_integer(item) for item in given.get("IntegerParameterRanges", [])),
        *(
            Range(item["Name"], CategoricalDistribution(item["Values"]), str, str)
            for item in given.get("CategoricalParameterRanges", [])
        ),
    ]


def _continuous(item: dict[str, str]) -> Range:
    low, high = _bounds(item, float)
    scaling = _scaling(item, low, high)
    if scaling == "ReverseLogarithmic":
        if not 0 <= low <= high < 1:
            raise ValueError(f"range {item['Name']!r}: {low}..{high}; ReverseLogarithmic needs 0 <= values < 1")
        rest = FloatDistribution(1 - high, 1 - low, log=True)
        return Range(item["Name"], rest, lambda value: repr(1 - value), lambda text: 1 - float(text))
    return Range(item["Name"], FloatDistribution(low, high, log=scaling == "Logarithmic"), repr, float)


def _integer(item: dict[str, str]) -> Range:
    low, high = _bounds(item, int)
    scaling = _scaling(item, low, high)
    if scaling == "ReverseLogarithmic":
        raise ValueError(f"range {item['Name']!r}: ReverseLogarithmic is for continuous ranges only; use Logarithmic")
    return Range(item["Name"], IntDistribution(int(low), int(high), log=scaling == "Logarithmic"), str, int)


def _bounds(item: dict[str, str], number: Callable[[str], float]) -> tuple[float, float]:
    try:
        low, high = number(item["MinValue"]), number(item["MaxValue"])
    except ValueError as error:
        raise ValueError(
            f"range {item['Name']!r}: {item['MinValue']!r}..{item['MaxValue']!r}; give {number.__name__} values"
        ) from error
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise ValueError(f"range {item['Name']!r}: {low}..{high}; MinValue must not be above MaxValue")
    return low, high


def _scaling(item: dict[str, str], low: float, high: float) -> str:
    scaling = item.get("ScalingType", "Auto")
    if scaling == "Auto":
        return "Logarithmic" if low > 0 and high / low >= _WIDE else "Linear"
    if scaling == "Logarithmic" and not low > 0:
        raise ValueError(f"range {item['Name']!r}: {low}..{high}; Logarithmic needs values above 0")
    return scaling


def _sampler(config: dict[str, Any]) -> BaseSampler:
    seed = config.get("RandomSeed")
    if config["Strategy"] == "Random":
        return RandomSampler(seed=seed)
    num_jobs = config["ResourceLimits"].get("MaxNumberOfTrainingJobs", _MAX_RANDOM_STARTS)
    num_random = max(2, min(_MAX_RANDOM_STARTS, num_jobs // 3))
    return TPESampler(seed=seed, n_startup_trials=num_random)


def _pruner(config: dict[str, Any]) -> BasePruner:
    if config["Strategy"] == "Hyperband":
        limits = config.get("StrategyConfig", {}).get("HyperbandStrategyConfig", {})
        return HyperbandPruner(limits.get("MinResource", 1), limits.get("MaxResource") or "auto")
    if config.get("TrainingJobEarlyStoppingType", "Off") == "Auto":
        return MedianPruner(_STARTS_BEFORE_MEDIAN, _WARM_UP_REPORTS)
    return NopPruner()
