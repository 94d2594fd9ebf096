"""The trials of a search: trained round after round, and written down in trials.json for whoever asks."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from training.config import TrainingConfig
from training.errors import TrainingError
from training.tuning.group import Group, Score, TuningData, grouped
from training.tuning.search import Search, rounds
from training.tuning.settings import TuningSettings
from training.tuning.space import trial_config

TRIALS_FILE = "trials.json"
FORMAT = 1
IN_PROGRESS, COMPLETED, STOPPED, FAILED = "InProgress", "Completed", "Stopped", "Failed"

Say = Callable[[str], None]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


@dataclass
class Trial:
    """One head and what became of it, in the terms of a tuning job's training job."""

    number: int  # from 1
    hyperparameters: dict[str, str]  # the tuned ones, as SageMaker would give them to a job
    status: str = IN_PROGRESS
    objective: float | None = None  # the best validation top-1
    loss: float = 0.0  # on the validation split, in that epoch
    best_epoch: int = 0
    epochs: int = 0
    seconds: float = 0.0  # its share of the rounds' time
    started_at: str = field(default_factory=_now)
    ended_at: str = ""
    failure: str = ""

    @property
    def rank(self) -> tuple[float, float]:
        """What makes one trial better than another."""
        return (-1.0 if self.objective is None else self.objective, -self.loss)

    def see(self, score: Score) -> None:
        """Take in an epoch; the best by validation top-1, then by loss, counts."""
        self.epochs += 1
        self.seconds += score.seconds
        if score.is_finite and (self.objective is None or (score.validation.top1, -score.validation.loss) > self.rank):
            self.objective, self.loss = score.validation.top1, score.validation.loss
            self.best_epoch = self.epochs

    def end(self, status: str, failure: str = "") -> None:
        """Note how it has ended."""
        self.status, self.failure, self.ended_at = status, failure, _now()

    def line(self) -> str:
        """Return it in one line, which no metric's regex reads."""
        tuned = " ".join(f"{name}={text}" for name, text in self.hyperparameters.items())
        reached = "" if self.objective is None else f" with {self.objective:.4f} in epoch {self.best_epoch}"
        return f"trial {self.number} {self.status.lower()}{reached} of {self.epochs}: {tuned}"


def run_trials(
    config: TrainingConfig, settings: TuningSettings, search: Search, num_trials: int, data: TuningData, say: Say
) -> list[Trial]:
    """Train all heads and return what became of each; trials.json is written anew after every round."""
    trials: list[Trial] = []
    for count in rounds(num_trials, settings.tuning_strategy):
        begun = [Trial(number, search.propose(number)) for number in range(len(trials) + 1, len(trials) + count + 1)]
        trials += begun
        train_round(config, begun, search, data)
        for trial in begun:
            say(trial.line())
        write_trials(trials, settings, config.model_dir)
    return trials


def train_round(config: TrainingConfig, trials: Sequence[Trial], search: Search, data: TuningData) -> None:
    """Train the heads of a round epoch by epoch, until each has ended."""
    members = [(trial.number, trial_config(config, trial.hyperparameters)) for trial in trials]
    by_number = {trial.number: trial for trial in trials}
    groups = grouped(members, data)
    while any(group.members for group in groups):
        for group in groups:
            if group.members:
                _run_epoch(group, by_number, search)


def _run_epoch(group: Group, trials: dict[int, Trial], search: Search) -> None:
    """Train a group for an epoch; who has ended is told to the search and leaves the group."""
    scores = group.run_epoch()
    for number, config in group.members:
        trial = trials[number]
        trial.see(scores[number])
        _judge(trial, scores[number], config, search)
    group.drop({number for number in scores if trials[number].ended_at})


def _judge(trial: Trial, score: Score, config: TrainingConfig, search: Search) -> None:
    """Note whether a trial has ended: by its numbers, its patience, its epochs, or since it is hopeless."""
    if trial.objective is None:
        trial.end(FAILED, f"the loss was no number after epoch {trial.epochs}; a lower lr than {config.lr:.3g} may do")
        search.finish(trial.number, None)
        return
    is_hopeless = search.report(trial.number, trial.epochs, trial.objective)
    without_progress = trial.epochs - trial.best_epoch
    if trial.epochs >= config.epochs or not score.is_finite or 0 < config.patience <= without_progress:
        trial.end(COMPLETED)
        search.finish(trial.number, trial.objective)
    elif is_hopeless:
        trial.end(STOPPED)
        search.finish(trial.number, trial.objective, was_stopped=True)


def best_of(trials: Sequence[Trial]) -> Trial | None:
    """Return the trial with the best objective, of several the one with the least loss; None if none has one."""
    scored = [trial for trial in trials if trial.objective is not None]
    return max(scored, key=lambda trial: trial.rank, default=None)


def outcome_line(trials: Sequence[Trial]) -> str:
    """Return the last line of the job, in which SageMaker's regex reads the objective.

    Raises:
        TrainingError: not one trial gave a result.
    """
    best = best_of(trials)
    if best is None:
        raise TrainingError(f"not one of {len(trials)} trials gave a result: {trials[0].failure}")
    return f"best_epoch={best.best_epoch} best_validation_top1={best.objective:.4f} trial={best.number}"


def document(trials: Sequence[Trial], settings: TuningSettings) -> dict[str, Any]:
    """Return what trials.json holds."""
    best = best_of(trials)
    return {
        "format_version": FORMAT,
        "strategy": settings.tuning_strategy,
        "max_trials": settings.max_trials,
        "ranges": json.loads(settings.search_space),
        "best_trial": best.number if best else None,
        "trials": [asdict(trial) for trial in trials],
    }


def write_trials(trials: Sequence[Trial], settings: TuningSettings, folder: Path) -> None:
    """Write trials.json whole or not at all: a job that is stopped leaves what it has found until then."""
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f"{TRIALS_FILE}.partial"
    partial.write_text(json.dumps(document(trials, settings), indent=1) + "\n", encoding="utf-8")
    partial.replace(folder / TRIALS_FILE)
