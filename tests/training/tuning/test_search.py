"""Which values are tried and which trials are stopped, by each strategy; and how settings and ranges are read."""

import json
import math
import sys

import pytest

from tests.training.tuning.spaces import GRID, SPACE
from training.errors import ConfigError
from training.tuning.search import combinations, make_search, rounds
from training.tuning.settings import TuningSettings, divided, parse_tuning
from training.tuning.space import Range, read_space

_SPACE = read_space(json.dumps(SPACE))


def tried(space: list[Range], settings: TuningSettings, count: int, seed: int = 1) -> list[dict[str, str]]:
    """Return the values of `count` trials, each of which ends as good as its rate is near to 0.005."""
    search, values = make_search(space, settings, 5, seed), []
    for number in range(1, count + 1):
        values.append(search.propose(number))
        search.finish(number, -distance(values[-1]))
    return values


def distance(values: dict[str, str]) -> float:
    """Return how far the rate of a trial is from the best one."""
    return abs(math.log(float(values.get("lr", "1")) / 0.005))


@pytest.mark.parametrize("strategy", ["Bayesian", "Random", "Hyperband"])
@pytest.mark.parametrize("has_optuna", [True, False])
def test_values_lie_in_their_ranges(strategy: str, has_optuna: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """As texts that a job may be given; the same seed gives the same trials, also without Optuna."""
    if not has_optuna:
        monkeypatch.setitem(sys.modules, "optuna", None)
    settings = TuningSettings(tuning_strategy=strategy, max_trials=8)

    first, again, other = (tried(_SPACE, settings, 8, seed) for seed in (1, 1, 2))

    assert first == again != other
    assert all(0.0003 <= float(values["lr"]) <= 0.03 and 0 <= float(values["dropout"]) <= 0.5 for values in first)
    assert {values["head"] for values in first} <= {'"linear"', '"mlp"'}
    assert {tuple(values) for values in first} == {("lr", "dropout", "head", "batch_size")}


@pytest.mark.parametrize("has_optuna", [True, False])
def test_grid_tries_each_combination_once(has_optuna: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever chooses."""
    if not has_optuna:
        monkeypatch.setitem(sys.modules, "optuna", None)
    space = read_space(json.dumps(GRID))

    values = tried(space, TuningSettings(tuning_strategy="Grid"), 4)

    assert sorted(map(json.dumps, values)) == sorted(map(json.dumps, combinations(space)))


def test_a_later_round_learns_from_earlier_ones() -> None:
    """Bayesian search comes nearer to what did well than chance does."""
    bayesian, chance = (
        sum(distance(one) for seed in (1, 2) for one in tried(_SPACE, settings, 30, seed)[15:])
        for settings in (TuningSettings(tuning_strategy="Bayesian"), TuningSettings(tuning_strategy="Random"))
    )

    assert bayesian < 0.7 * chance


@pytest.mark.parametrize(("early_stopping", "is_stopped"), [("Auto", True), ("Off", False)])
def test_a_hopeless_trial_is_stopped(early_stopping: str, is_stopped: bool) -> None:
    """Once others have ended and it is behind their median; never with early stopping off."""
    search = make_search(_SPACE, TuningSettings(early_stopping=early_stopping), 5, seed=1)
    for number in (1, 2, 3):
        search.propose(number)
        assert not any(search.report(number, epoch, 0.9) for epoch in range(1, 6))
        search.finish(number, 0.9)
    search.propose(4)

    assert [search.report(4, epoch, 0.5) for epoch in (1, 2, 3)] == [False, is_stopped, is_stopped]


def test_rounds_add_up() -> None:
    """A quarter at a time, all at once for Hyperband, and never more heads than memory holds."""
    assert (rounds(8, "Bayesian"), rounds(10, "Random"), rounds(20, "Hyperband")) == ([2] * 4, [3, 3, 3, 1], [20])
    assert (sum(rounds(750, "Bayesian")), max(rounds(750, "Hyperband"))) == (750, 32)


def test_flags_of_the_search_are_its_own() -> None:
    """In both ways of writing them; the others are any training's."""
    flags = ["--max_trials=3", "--epochs", "5", "--search-space", "{}", "--seed=1", "--early-stopping", "Off"]

    own, others = divided(flags)

    assert others == ["--epochs", "5", "--seed=1"]
    assert parse_tuning(own, {}) == TuningSettings("{}", "Bayesian", 3, "Off")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--max-trials=0", "--search-space={}"], "max_trials=0 is out of range"),
        (["--tuning-strategy=Best", "--search-space={}"], "Best"),
        ([], "search_space is empty"),
    ],
)
def test_a_wrong_setting_is_named(flags: list[str], message: str) -> None:
    """Before anything is read."""
    with pytest.raises(ConfigError, match=message):
        parse_tuning(flags, {})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[", "give ParameterRanges as JSON"),
        ("{}", "has no range"),
        ('{"CategoricalParameterRanges": [{"Name": "lr"}]}', "give ParameterRanges as JSON"),
        ('{"CategoricalParameterRanges": [{"Name": "unfreeze_depth", "Values": ["1"]}]}', "'unfreeze_depth' cannot be"),
        ('{"ContinuousParameterRanges": [{"Name": "lr", "MinValue": "2", "MaxValue": "1"}]}', r"lr: 2\.\.1"),
    ],
)
def test_a_wrong_space_is_named(text: str, message: str) -> None:
    """With what heads side by side may differ in."""
    with pytest.raises(ConfigError, match=message):
        read_space(text)
