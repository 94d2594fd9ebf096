"""handlers/training_jobs/search_space.py: SageMaker's rules hold for what is tuned, whatever the settings."""

import itertools
import json

import pytest

from handlers.contract.settings import Settings
from handlers.training_jobs.search_space import Category, grid, num_tuning_jobs, parameter_ranges, search_space, untuned
from tests.handlers.environment import ENVIRONMENT
from training.config import parse_config

_MODELS = [("head", "imagenet"), ("full", "imagenet"), ("full", "none")]
_STRATEGIES = ["Bayesian", "Random", "Hyperband", "Grid"]


def _settings(**changes):
    return Settings.from_env(ENVIRONMENT | {name.upper(): str(value) for name, value in changes.items()})


@pytest.mark.parametrize(("model", "strategy"), list(itertools.product(_MODELS, _STRATEGIES)))
def test_every_hyperparameter_is_tuned_or_set(model, strategy):
    """Whatever the strategy, a job gets each of them once; Grid varies categories alone, as SageMaker wants it."""
    settings = _settings(trainable=model[0], weights=model[1], tuning_strategy=strategy)

    ranges = parameter_ranges(settings)

    tuned = [parameter["Name"] for kind in ranges.values() for parameter in kind]
    assert sorted([*tuned, *untuned(settings)]) == sorted(one.name for one in search_space(settings))
    assert (list(ranges) == ["CategoricalParameterRanges"]) is (strategy == "Grid")


@pytest.mark.parametrize(("trainable", "weights"), _MODELS)
def test_training_takes_every_bound(trainable, weights, tmp_path):
    """Each end of each range, and each default, is a value that train.py accepts under that name."""
    settings = _settings(trainable=trainable, weights=weights)
    folders = ["--train", str(tmp_path), "--validation", str(tmp_path)]
    for parameter in search_space(settings):
        for value in (*parameter.grid, json.dumps(parameter.default)):
            plain = str(json.loads(value))
            arguments = [*folders, "--trainable", trainable, f"--{parameter.name}", plain]

            parsed = getattr(parse_config(arguments, {}), parameter.name)

            assert str(parsed) == plain or float(parsed) == float(plain), parameter.name


@pytest.mark.parametrize(("trainable", "weights"), _MODELS)
def test_logarithmic_ranges_begin_above_zero(trainable, weights):
    """Logarithmic ranges need 0 < min < max."""
    for parameter in parameter_ranges(_settings(trainable=trainable, weights=weights))["ContinuousParameterRanges"]:
        assert float(parameter["MinValue"]) < float(parameter["MaxValue"])
        assert parameter["ScalingType"] == "Linear" or float(parameter["MinValue"]) > 0


@pytest.mark.parametrize("max_jobs", [1, 2, 3, 6, 8, 12, 100])
def test_grid_stays_within_the_budget(max_jobs):
    """MaxTuningJobs bounds the combinations; the learning rate is always among them."""
    settings = _settings(tuning_strategy="Grid", max_tuning_jobs=max_jobs, max_parallel_tuning_jobs=1)

    combinations = list(itertools.product(*grid(settings).values()))

    assert 1 <= len(set(combinations)) == len(combinations) == num_tuning_jobs(settings) <= max_jobs
    assert "lr" in grid(settings)


def test_frozen_backbone_searches_the_head():
    """A linear head or one with a hidden layer, as the toolkit decodes it."""
    (head,) = [one for one in search_space(_settings(trainable="head")) if one.name == "head"]

    assert isinstance(head, Category)
    assert [json.loads(value) for value in head.values] == ["linear", "mlp"]
