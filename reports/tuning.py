"""A tuning job and its training jobs, as its report needs them; importance of the hyperparameters."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

MIN_JOBS = 8  # with fewer, and never fewer than twice the hyperparameters, importance would be noise
_SAMPLES = 10
_TREES = 16


@dataclass(frozen=True)
class Range:
    """What one hyperparameter may be: one of `choices`, or a number from `low` to `high`."""

    name: str
    low: float = 0.0
    high: float = 1.0
    is_logarithmic: bool = False
    is_integer: bool = False
    choices: tuple[str, ...] = ()

    def place(self, value: str) -> float:
        """Return where `value` lies, 0..1, on an axis of this range; values outside of it lie at an end."""
        if self.choices:
            last = len(self.choices) - 1
            return self.choices.index(value) / last if last and value in self.choices else 0.5
        number, low, high = float(value or self.low), self.low, self.high
        if self.is_logarithmic and low > 0:
            number, low, high = math.log(max(number, 1e-300)), math.log(low), math.log(high)
        return min(1.0, max(0.0, (number - low) / (high - low))) if high > low else 0.5


@dataclass(frozen=True)
class Trial:
    """One training job, or one trial of many in a job; `number` counts from 1 in the order of creation."""

    number: int
    name: str
    status: str
    objective: float | None
    hyperparameters: dict[str, str]
    started_at: datetime | None = None
    ended_at: datetime | None = None
    failure: str = ""

    @property
    def seconds(self) -> float | None:
        """Return how long it ran; None while it does."""
        if self.started_at is None or self.ended_at is None:
            return None
        return (self.ended_at - self.started_at).total_seconds()


@dataclass(frozen=True)
class TuningJob:
    """A tuning job at one moment; it may still run."""

    name: str
    status: str
    strategy: str
    objective_name: str
    maximizes: bool
    created_at: datetime
    ended_at: datetime | None
    instance_type: str
    instance_count: int
    max_jobs: int | None
    max_parallel_jobs: int
    ranges: Sequence[Range]
    trials: Sequence[Trial]
    static: dict[str, str] = field(default_factory=dict)
    failure: str = ""
    dollars_per_hour: float | None = None  # of one instance; None where the price is not known
    prices_of: str = ""  # where and when
    own_seconds: float | None = None  # of the one job that trained all trials side by side; None of a tuning job

    def scored(self) -> list[Trial]:
        """Return the training jobs that gave an objective."""
        return [trial for trial in self.trials if trial.objective is not None and math.isfinite(trial.objective)]

    def rank(self, trial: Trial) -> float:
        """Return a number that is greater for a better training job."""
        value = trial.objective if trial.objective is not None else -math.inf
        return value if self.maximizes else -value

    def best(self) -> Trial | None:
        """Return the training job with the best objective; None while there is none."""
        return max(self.scored(), key=self.rank, default=None)

    def ended_in_order(self) -> list[Trial]:
        """Return the scored training jobs in the order in which they ended."""
        return sorted(self.scored(), key=lambda trial: (trial.ended_at or self.created_at, trial.number))

    def seconds(self) -> float:
        """Return how long all training jobs ran, one after the other: what is billed, instances counted."""
        if self.own_seconds is not None:
            return self.own_seconds * self.instance_count
        return sum(trial.seconds or 0.0 for trial in self.trials) * self.instance_count


@dataclass(frozen=True)
class Importance:
    """Share of the objective's variance that a hyperparameter explains alone or with others, 0..1."""

    name: str
    share: float
    low: float  # 10th and 90th percentile over samples of the training jobs
    high: float


def importances(job: TuningJob) -> list[Importance]:
    """Return the importances by fANOVA, greatest first; [] where the training jobs are too few or all as good.

    Each sample draws as many training jobs, with repetition, as there are: what the interval shows is how far other
    trials of the same number could have led.

    Source: Hutter, Hoos and Leyton-Brown, An efficient approach for assessing hyperparameter importance, 2014; optuna.
    """
    import numpy as np

    complete = [trial for trial in job.scored() if all(one.name in trial.hyperparameters for one in job.ranges)]
    if len(complete) < required_jobs(job) or len({trial.objective for trial in complete}) < 2:
        return []
    whole = _fanova(job, complete, seed=0)
    random = np.random.default_rng(0)
    samples = []
    for seed in range(_SAMPLES):
        drawn = [complete[index] for index in random.integers(0, len(complete), len(complete))]
        if len({trial.objective for trial in drawn}) > 1:
            samples.append(_fanova(job, drawn, seed))
    return [
        Importance(name, share, *np.percentile([sample[name] for sample in samples], (10, 90)).tolist())
        for name, share in sorted(whole.items(), key=lambda item: -item[1])
    ]


def required_jobs(job: TuningJob) -> int:
    """Return how many scored training jobs importance needs."""
    return max(MIN_JOBS, 2 * len(job.ranges))


def _fanova(job: TuningJob, trials: Sequence[Trial], seed: int) -> dict[str, float]:
    """Return the share of every hyperparameter, 0 for one that never varied."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize" if job.maximizes else "minimize")
    distributions = {one.name: _distribution(one) for one in job.ranges}
    for trial in trials:
        values = {one.name: _value(one, trial.hyperparameters[one.name]) for one in job.ranges}
        study.add_trial(optuna.trial.create_trial(params=values, distributions=distributions, value=trial.objective))
    evaluator = optuna.importance.FanovaImportanceEvaluator(n_trees=_TREES, max_depth=16, seed=seed)
    shares = optuna.importance.get_param_importances(study, evaluator=evaluator)
    return {one.name: float(shares.get(one.name, 0.0)) for one in job.ranges}


def _distribution(one: Range) -> Any:
    import optuna.distributions as kinds

    if one.choices:
        return kinds.CategoricalDistribution(one.choices)
    if one.is_integer:
        return kinds.IntDistribution(int(one.low), int(one.high), log=one.is_logarithmic)
    return kinds.FloatDistribution(one.low, one.high, log=one.is_logarithmic)


def _value(one: Range, text: str) -> str | float | int:
    if one.choices:
        return text
    number = min(one.high, max(one.low, float(text)))
    return round(number) if one.is_integer else number
