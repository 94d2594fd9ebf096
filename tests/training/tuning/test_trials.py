"""What becomes of each trial: its best epoch, its end, and the file that says so."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from tests.training.tuning.clouds import clouds
from tests.training.tuning.spaces import SPACE
from training.config import TrainingConfig
from training.errors import TrainingError
from training.optimisation.scores import Metrics
from training.tuning.group import Score
from training.tuning.search import Search, make_search
from training.tuning.settings import TuningSettings
from training.tuning.space import read_space
from training.tuning.trials import Trial, best_of, outcome_line, run_trials

MakeConfig = Callable[..., TrainingConfig]
_SETTINGS = TuningSettings(json.dumps(SPACE), max_trials=8)


@dataclass
class Planned:
    """Gives every trial the same values and stops those it is told to, after an epoch."""

    values: dict[str, str]
    hopeless: tuple[int, ...] = ()
    ended: dict[int, float | None] = field(default_factory=dict)

    def propose(self, number: int) -> dict[str, str]:
        return self.values

    def report(self, number: int, epoch: int, objective: float) -> bool:
        return number in self.hopeless

    def finish(self, number: int, objective: float | None, *, was_stopped: bool = False) -> None:
        self.ended[number] = objective


@pytest.fixture
def run(make_config: MakeConfig) -> Callable[..., list[Trial]]:
    """Run the trials of a search on features of overlapping classes."""

    def call(search: Search, *, is_spoilt: bool = False, **flags: object) -> list[Trial]:
        config = make_config(features="x", trainable="head", **({"epochs": 3, "batch_size": 32} | flags))
        data = clouds(config, is_spoilt=is_spoilt)
        return run_trials(config, _SETTINGS, search, _SETTINGS.max_trials, data, lambda _: None)

    return call


def test_trials_are_written_down(run: Callable[..., list[Trial]], make_config: MakeConfig) -> None:
    """Each with its values as SageMaker would give them, its objective and its end; the best is named."""
    trials = run(Planned({"lr": "0.01", "head": '"mlp"'}))

    path = make_config().model_dir / "trials.json"
    written = json.loads(path.read_text())
    best = best_of(trials)
    assert best is not None
    assert written["best_trial"] == best.number
    assert written["ranges"] == SPACE
    assert [one["number"] for one in written["trials"]] == list(range(1, 9))
    first = written["trials"][0]
    assert (first["status"], first["hyperparameters"]) == ("Completed", {"lr": "0.01", "head": '"mlp"'})
    assert first["objective"] == trials[0].objective
    assert first["started_at"] <= first["ended_at"]
    assert not list(path.parent.glob("*.partial"))


def test_a_stopped_trial_keeps_what_it_reached(run: Callable[..., list[Trial]]) -> None:
    """The search is told, and the others train on."""
    search = Planned({"lr": "0.01"}, hopeless=(2,))

    trials = run(search)

    assert (trials[1].status, trials[1].epochs) == ("Stopped", 1)
    assert trials[1].objective == search.ended[2] is not None
    assert {(one.status, one.epochs) for one in trials if one.number != 2} == {("Completed", 3)}


def test_patience_ends_a_trial(run: Callable[..., list[Trial]]) -> None:
    """After so many epochs without a better one, as in a job of its own."""
    trials = run(Planned({"lr": "1e-8"}), patience=2, epochs=50)

    assert all(one.epochs == one.best_epoch + 2 < 50 for one in trials)


def test_trials_without_a_number_have_failed(run: Callable[..., list[Trial]], make_config: MakeConfig) -> None:
    """If all have, the job says what to do, and the file what became of each."""
    with pytest.raises(TrainingError, match="not one of 8 trials gave a result: the loss was no number after epoch 1"):
        outcome_line(run(Planned({"lr": "0.01"}), is_spoilt=True))

    written = json.loads((make_config().model_dir / "trials.json").read_text())
    assert {one["status"] for one in written["trials"]} == {"Failed"}
    assert written["best_trial"] is None


def test_the_best_is_the_surest_of_those_alike() -> None:
    """By accuracy, then by loss; a trial that failed is never it."""
    trials = [Trial(1, {}, objective=0.9, loss=0.4), Trial(2, {}, objective=0.9, loss=0.3), Trial(3, {}, loss=0.1)]

    best = best_of(trials)

    assert best is trials[1]
    assert best_of(trials[2:]) is None


def test_a_breakdown_keeps_the_epoch_before() -> None:
    """An epoch whose loss is no number is not counted as the best."""
    trial = Trial(1, {})
    trial.see(Score(0.5, Metrics(0.5, 0.7), 1.0))
    trial.see(Score(math.nan, Metrics(math.nan, 0.9), 1.0))

    assert (trial.objective, trial.best_epoch, trial.epochs) == (0.7, 1, 2)


def test_optuna_runs_the_whole_search(run: Callable[..., list[Trial]]) -> None:
    """Rounds of both forms and both batch sizes, pruned or not: all have ended, in their own numbers."""
    trials = run(make_search(read_space(json.dumps(SPACE)), _SETTINGS, 3, 1))

    assert [one.number for one in trials] == list(range(1, 9))
    assert {one.status for one in trials} <= {"Completed", "Stopped"}
    assert all(one.ended_at and one.objective is not None for one in trials)
