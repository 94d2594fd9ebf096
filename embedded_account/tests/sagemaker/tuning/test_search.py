"""How hyperparameters are drawn from SageMaker's ranges."""

from typing import Any

import pytest
from embedded_account.sagemaker.tuning.grid import num_combinations
from embedded_account.sagemaker.tuning.search import Past, Search, ranges

_OBJECTIVE = {"Type": "Minimize", "MetricName": "loss"}


def _config(parameter_ranges: dict[str, Any], strategy: str = "Random", **changes: Any) -> dict[str, Any]:
    return {
        "Strategy": strategy,
        "HyperParameterTuningJobObjective": _OBJECTIVE,
        "ResourceLimits": {"MaxNumberOfTrainingJobs": 30, "MaxParallelTrainingJobs": 2},
        "ParameterRanges": parameter_ranges,
        "RandomSeed": 3,
    } | changes


def _continuous(low: str, high: str, scaling: str = "Auto") -> dict[str, Any]:
    return {"ContinuousParameterRanges": [{"Name": "lr", "MinValue": low, "MaxValue": high, "ScalingType": scaling}]}


def _drawn(parameter_ranges: dict[str, Any], num: int = 200) -> list[float]:
    search = Search(_config(parameter_ranges))
    return [float(search.propose()[1]["lr"]) for _ in range(num)]


def _share_below(values: list[float], bound: float) -> float:
    return sum(value < bound for value in values) / len(values)


def test_linear_values_are_spread_evenly() -> None:
    """Half of the draws lie in the lower half.

    Source: SageMaker developer guide, "Define Hyperparameter Ranges".
    """
    assert _share_below(_drawn(_continuous("0", "1", "Linear")), 0.5) == pytest.approx(0.5, abs=0.12)


def test_logarithmic_values_are_spread_over_magnitudes() -> None:
    """Half of the draws lie below the geometric middle.

    Source: SageMaker developer guide, "Define Hyperparameter Ranges".
    """
    assert _share_below(_drawn(_continuous("0.0001", "1", "Logarithmic")), 0.01) == pytest.approx(0.5, abs=0.12)


def test_reverse_logarithmic_values_crowd_at_the_top() -> None:
    """The distance from 1 is what is spread over magnitudes, and no draw leaves the range.

    Source: SageMaker developer guide, "Define Hyperparameter Ranges".
    """
    values = _drawn(_continuous("0", "0.9999", "ReverseLogarithmic"))

    assert _share_below(values, 0.99) == pytest.approx(0.5, abs=0.12)
    assert all(-1e-9 <= value <= 0.9999 + 1e-9 for value in values)


def test_auto_scaling_is_logarithmic_for_wide_ranges() -> None:
    """Auto takes a range over two magnitudes or more as one of magnitudes.

    Source: SageMaker developer guide, "Define Hyperparameter Ranges".
    """
    assert _share_below(_drawn(_continuous("0.0001", "1")), 0.01) > 0.35
    assert _share_below(_drawn(_continuous("0.1", "1")), 0.15) < 0.2


def test_integers_are_texts_within_the_range() -> None:
    """Both bounds are drawn, nothing outside of them is.

    Source: SageMaker developer guide, "Define Hyperparameter Ranges".
    """
    search = Search(_config({"IntegerParameterRanges": [{"Name": "n", "MinValue": "2", "MaxValue": "4"}]}))

    assert {search.propose()[1]["n"] for _ in range(60)} == {"2", "3", "4"}


def test_same_seed_draws_the_same_values() -> None:
    """RandomSeed makes a search repeatable.

    Source: SageMaker API reference, HyperParameterTuningJobConfig, RandomSeed.
    """
    assert _drawn(_continuous("0", "1"), 5) == _drawn(_continuous("0", "1"), 5)


def test_bayesian_search_learns() -> None:
    """Later proposals lie nearer to the optimum at 0.3 than the first, random ones.

    Source: SageMaker developer guide, "Understand the hyperparameter tuning strategies available in Amazon
    SageMaker AI".
    """
    search = Search(_config(_continuous("0", "1", "Linear"), "Bayesian"))
    distances = []
    for _ in range(40):
        trial, tuned = search.propose()
        distances.append(abs(float(tuned["lr"]) - 0.3))
        search.finish(trial, distances[-1] ** 2)

    assert sorted(distances[20:])[10] < sorted(distances[:10])[5] * 0.7


def test_failed_and_pruned_trials_are_taken() -> None:
    """A job without an objective, or one that was stopped as hopeless, ends its trial too."""
    search = Search(_config(_continuous("0", "1"), "Bayesian"))
    failed, _ = search.propose()
    pruned, _ = search.propose()
    search.report(pruned, 1, 0.5)

    search.finish(failed, None)
    search.finish(pruned, 0.5, pruned=True)

    assert search.propose()[1]


def test_early_stopping_stops_what_is_worse_than_the_median() -> None:
    """With TrainingJobEarlyStoppingType Auto, a job behind most of the earlier ones is stopped.

    Source: SageMaker developer guide, "Stop Training Jobs Early".
    """
    search = Search(_config(_continuous("0", "1"), TrainingJobEarlyStoppingType="Auto"))
    for loss in (0.1, 0.2, 0.3):
        trial, _ = search.propose()
        for step in (1, 2, 3):
            search.report(trial, step, loss)
        search.finish(trial, loss)

    good, _ = search.propose()
    bad, _ = search.propose()

    assert not any(search.report(good, step, 0.15) for step in (1, 2, 3))
    assert search.report(bad, 1, 0.9) is False
    assert [search.report(bad, step, 0.9) for step in (2, 3)][-1] is True


def test_hyperband_stops_what_lags_behind() -> None:
    """At the first rung a job that is far behind the earlier ones is stopped; one that leads is not.

    Source: SageMaker developer guide, "Understand the hyperparameter tuning strategies available in Amazon
    SageMaker AI".
    """
    band = {"HyperbandStrategyConfig": {"MinResource": 1, "MaxResource": 9}}
    search = Search(_config(_continuous("0", "1"), "Hyperband", StrategyConfig=band))
    stopped = {}
    for number in range(12):
        loss = 0.1 if number % 4 == 3 else 1.0 + number
        trial, _ = search.propose()
        stopped[loss, number] = any(search.report(trial, step, loss) for step in range(1, 10))
        search.finish(trial, loss, pruned=stopped[loss, number])

    assert any(was_stopped for (loss, _), was_stopped in stopped.items() if loss > 1)
    assert not any(was_stopped for (loss, _), was_stopped in stopped.items() if loss == 0.1)


def test_grid_counts_its_combinations() -> None:
    """The number of jobs is the product of the numbers of values.

    Source: SageMaker developer guide, "Understand the hyperparameter tuning strategies available in Amazon
    SageMaker AI".
    """
    categories = [{"Name": "a", "Values": ["1", "2", "3"]}, {"Name": "b", "Values": ["x", "y"]}]
    config = _config({"CategoricalParameterRanges": categories}, "Grid")
    search = Search(config)

    drawn = [tuple(search.propose()[1].values()) for _ in range(num_combinations(config))]

    assert len(set(drawn)) == len(drawn) == 6


@pytest.mark.parametrize(
    ("low", "high", "scaling", "words"),
    [
        ("a", "1", "Auto", "give float values"),
        ("2", "1", "Linear", "must not be above"),
        ("nan", "1", "Linear", "must not be above"),
        ("0", "1", "Logarithmic", "above 0"),
        ("0", "1", "ReverseLogarithmic", "0 <= values < 1"),
    ],
)
def test_range_that_cannot_be_drawn_from_is_refused(low: str, high: str, scaling: str, words: str) -> None:
    """The hyperparameter and its bounds are in the message.

    Source: SageMaker API reference, ContinuousParameterRange.
    """
    with pytest.raises(ValueError, match=words):
        ranges(_continuous(low, high, scaling))


_MIXED = {
    "ContinuousParameterRanges": [{"Name": "lr", "MinValue": "0.001", "MaxValue": "0.1", "ScalingType": "Logarithmic"}],
    "CategoricalParameterRanges": [{"Name": "head", "Values": ["linear", "mlp"]}],
}


def test_identical_results_count_as_its_own() -> None:
    """A search that begins with forty results does not begin at random: the head that lost is hardly tried.

    Source: SageMaker developer guide, "Run a Warm Start Hyperparameter Tuning Job".
    """
    search = Search(_config(_MIXED, "Bayesian"))
    heads = {"mlp": 0.0, "linear": 1.0}
    past = [Past({"lr": "0.01", "head": head}, loss + i / 100) for head, loss in heads.items() for i in range(20)]

    search.learn(past, is_identical=True)

    assert [search.propose()[1]["head"] for _ in range(8)].count("mlp") >= 7


def test_transferred_results_give_the_first_trial_alone() -> None:
    """The best whose values all lie within the ranges is tried first, and then the search goes its own way.

    Source: SageMaker developer guide, "Run a Warm Start Hyperparameter Tuning Job".
    """
    search = Search(_config(_MIXED, "Random"))
    past = [
        Past({"lr": "0.5", "head": "mlp"}, 0.1),
        Past({"lr": "0.02", "head": "linear"}, 0.2),
        Past({"lr": "0.03", "head": "wide"}, 0.1),
        Past({"lr": "0.04", "head": "mlp"}, 0.3),
        Past({"head": "mlp"}, 0.0),
    ]

    search.learn(past, is_identical=False)

    assert search.propose()[1] == {"lr": "0.02", "head": "linear"}
    assert search.propose()[1] != {"lr": "0.02", "head": "linear"}
