"""Which values are tried next and which trials are stopped: Optuna decides, or chance where it is not installed."""

import itertools
import math
import random
from collections.abc import Sequence
from typing import Any, Protocol

from training.tuning.settings import TuningSettings
from training.tuning.space import Category, Range

_MAX_RANDOM_STARTS = 10
_STARTS_BEFORE_MEDIAN = 3
_WARM_UP_EPOCHS = 2
_ROUNDS = 4  # those of a later round learn from those before
_MOST_AT_ONCE = 32  # heads side by side in memory


class Search(Protocol):
    """Proposes hyperparameters and learns what became of them; a trial goes by its number, from 1."""

    def propose(self, number: int) -> dict[str, str]:
        """Return the hyperparameters of a new trial, as texts."""
        ...

    def report(self, number: int, epoch: int, objective: float) -> bool:
        """Note the objective so far; return whether the trial is to be stopped as hopeless."""
        ...

    def finish(self, number: int, objective: float | None, *, was_stopped: bool = False) -> None:
        """Note the last objective of a trial; None when it failed."""
        ...


def rounds(num_trials: int, strategy: str) -> list[int]:
    """Return how many trials are trained side by side, round after round.

    Hyperband compares those of one round, so it has them all at once; the others learn from earlier rounds.
    """
    size = num_trials if strategy == "Hyperband" else math.ceil(num_trials / _ROUNDS)
    size = min(size, _MOST_AT_ONCE)
    return [min(size, num_trials - begun) for begun in range(0, num_trials, size)]


def combinations(space: Sequence[Range]) -> list[dict[str, str]]:
    """Return every combination of the categories."""
    categories = [one for one in space if isinstance(one, Category)]
    return [
        dict(zip((one.name for one in categories), values, strict=True))
        for values in itertools.product(*(one.values for one in categories))
    ]


def make_search(space: Sequence[Range], settings: TuningSettings, epochs: int, seed: int) -> Search:
    """Return Optuna's search, or draws by chance where it cannot be imported."""
    try:
        import optuna  # noqa: F401 - whether it is there
    except ImportError:
        return DrawnSearch(space, settings, seed)
    return OptunaSearch(space, settings, epochs, seed)


class DrawnSearch:
    """Draws by chance, or goes through a grid, and stops no trial."""

    def __init__(self, space: Sequence[Range], settings: TuningSettings, seed: int) -> None:
        self._space = space
        self._draw = random.Random(seed)  # noqa: S311 - seeded, no secret
        self._grid = combinations(space) if settings.tuning_strategy == "Grid" else []

    def propose(self, number: int) -> dict[str, str]:
        return self._grid[number - 1] if self._grid else {one.name: self._drawn(one) for one in self._space}

    def report(self, number: int, epoch: int, objective: float) -> bool:
        return False

    def finish(self, number: int, objective: float | None, *, was_stopped: bool = False) -> None:
        """Learn nothing."""

    def _drawn(self, one: Range) -> str:
        if isinstance(one, Category):
            return self._draw.choice(one.values)
        if one.is_logarithmic:
            return repr(math.exp(self._draw.uniform(math.log(one.low), math.log(one.high))))
        return repr(self._draw.uniform(one.low, one.high))


class OptunaSearch:
    """Optuna's samplers and pruners, by the strategies of SageMaker's tuning jobs."""

    def __init__(self, space: Sequence[Range], settings: TuningSettings, epochs: int, seed: int) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._optuna = optuna
        self._distributions = {one.name: self._distribution(one) for one in space}
        self._trials: dict[int, Any] = {}
        self._study = optuna.create_study(
            study_name="tuning",  # Hyperband's brackets follow from it: the same seed, the same search
            direction="maximize",
            sampler=self._sampler(settings, seed),
            pruner=self._pruner(settings, epochs),
        )
        for values in combinations(space) if settings.tuning_strategy == "Grid" else []:
            self._study.enqueue_trial(values)

    def propose(self, number: int) -> dict[str, str]:
        trial = self._trials[number] = self._study.ask(self._distributions)
        return {name: value if isinstance(value, str) else repr(value) for name, value in trial.params.items()}

    def report(self, number: int, epoch: int, objective: float) -> bool:
        self._trials[number].report(objective, epoch)
        return bool(self._trials[number].should_prune())

    def finish(self, number: int, objective: float | None, *, was_stopped: bool = False) -> None:
        states = self._optuna.trial.TrialState
        if was_stopped or objective is None:
            self._study.tell(self._trials[number], state=states.PRUNED if was_stopped else states.FAIL)
        else:
            self._study.tell(self._trials[number], objective)

    def _distribution(self, one: Range) -> Any:
        kinds = self._optuna.distributions
        if isinstance(one, Category):
            return kinds.CategoricalDistribution(one.values)
        return kinds.FloatDistribution(one.low, one.high, log=one.is_logarithmic)

    def _sampler(self, settings: TuningSettings, seed: int) -> Any:
        samplers = self._optuna.samplers
        if settings.tuning_strategy == "Random":
            return samplers.RandomSampler(seed=seed)
        num_random = max(2, min(_MAX_RANDOM_STARTS, settings.max_trials // 3))
        return samplers.TPESampler(seed=seed, n_startup_trials=num_random, constant_liar=True)

    def _pruner(self, settings: TuningSettings, epochs: int) -> Any:
        pruners = self._optuna.pruners
        if settings.tuning_strategy == "Hyperband":
            return pruners.HyperbandPruner(1, epochs + 1)  # a trial that reaches the second is stopped
        if settings.early_stopping == "Auto":
            return pruners.MedianPruner(_STARTS_BEFORE_MEDIAN, _WARM_UP_EPOCHS)
        return pruners.NopPruner()
