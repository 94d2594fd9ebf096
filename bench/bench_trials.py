"""A search in one job against the same search with a training for each trial: what both find, and what both compute.

    python bench/bench_trials.py FEATURES [--augment strong] [--model-name NAME --weights KIND] [--seeds 5]

FEATURES is a folder of compute_features.py. Both ways get the same space, strategy, epochs and seed from the same
Optuna search; the training for each trial is train.py's own loop, two trials at a time as a tuning job has them, in
this process: no start of a process is in its seconds. In turns, a seed at a time; seconds are those of a core.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from training import preparation  # noqa: E402 - after the path is set
from training.config import TrainingConfig, parse_config  # noqa: E402
from training.distributed import World  # noqa: E402
from training.optimisation.engine import fit  # noqa: E402
from training.optimisation.state import Callback, EpochResult, TrainingState  # noqa: E402
from training.tuning.group import TuningData  # noqa: E402
from training.tuning.search import Search, make_search  # noqa: E402
from training.tuning.settings import TuningSettings  # noqa: E402
from training.tuning.space import read_space, trial_config  # noqa: E402
from training.tuning.trials import best_of, run_trials  # noqa: E402

# Of handlers/training_jobs/search_space.py, for a frozen backbone.
SPACE = {
    "ContinuousParameterRanges": [
        {"Name": "lr", "MinValue": "0.0003", "MaxValue": "0.03", "ScalingType": "Logarithmic"},
        {"Name": "weight_decay", "MinValue": "0.000001", "MaxValue": "0.1", "ScalingType": "Logarithmic"},
        {"Name": "dropout", "MinValue": "0.0", "MaxValue": "0.5", "ScalingType": "Linear"},
        {"Name": "label_smoothing", "MinValue": "0.0", "MaxValue": "0.2", "ScalingType": "Linear"},
    ],
    "CategoricalParameterRanges": [
        {"Name": "head", "Values": ['"linear"', '"mlp"']},
        {"Name": "batch_size", "Values": ["32", "64"]},
    ],
}
AT_ONCE = 2


class _StoppedError(Exception):
    """The search has results a trial hopeless."""


class _Reports(Callback):
    """Tells the search of each epoch, as SageMaker tells its own."""

    def __init__(self, search: Search, number: int) -> None:
        self.search, self.number = search, number
        self.best = 0.0

    def on_epoch(self, state: TrainingState, result: EpochResult) -> None:
        self.best = max(self.best, result.validation.top1)
        if self.search.report(self.number, result.epoch, self.best):
            raise _StoppedError


def in_jobs(config: TrainingConfig, settings: TuningSettings, search: Search) -> float:
    """Return the best validation accuracy of trials that are trained one by one."""
    best = 0.0
    for first in range(1, settings.max_trials + 1, AT_ONCE):
        proposed = [(first + each, search.propose(first + each)) for each in range(AT_ONCE)]
        for number, values in proposed:
            own = trial_config(config, values)
            ready = preparation.prepare(own, World(), lambda _: None)
            reports = _Reports(search, number)
            try:
                fit(ready.module, ready.train, ready.validation, ready.config, [reports])
                search.finish(number, reports.best)
            except _StoppedError:
                search.finish(number, reports.best, was_stopped=True)
            best = max(best, reports.best)
    return best


def in_one_job(config: TrainingConfig, settings: TuningSettings, search: Search) -> float:
    """Return the best validation accuracy of trials that are trained side by side."""
    ready = preparation.prepare(config, World(), lambda _: None)
    trials = run_trials(ready.config, settings, search, settings.max_trials, TuningData.of(ready), lambda _: None)
    best = best_of(trials)
    return best.objective or 0.0 if best else 0.0


WAYS: dict[str, Callable[[TrainingConfig, TuningSettings, Search], float]] = {
    "a training for each trial": in_jobs,
    "one job": in_one_job,
}


@click.command()
@click.argument("features", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--augment", default="strong", show_default=True)
@click.option("--model-name", default="efficientnet_lite0", show_default=True)
@click.option("--weights", default="packaged", show_default=True)
@click.option("--epochs", default=5, show_default=True)
@click.option("--trials", default=20, show_default=True)
@click.option("--seeds", default=5, show_default=True)
def main(features: Path, augment: str, model_name: str, weights: str, epochs: int, trials: int, seeds: int) -> None:
    """Print the best validation accuracy of each seed, and the seconds of a core."""
    out = Path(__file__).resolve().parents[1] / "build" / "bench" / "trials"
    settings = TuningSettings(json.dumps(SPACE), max_trials=trials)
    space = read_space(settings.search_space)
    flags = f"--model-name={model_name} --weights={weights} --augment={augment} --epochs={epochs} --trainable=head"
    results: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
    for seed in range(seeds):
        given = [*flags.split(), f"--features={features}", f"--model-dir={out}", f"--seed={seed}", "--save-model=false"]
        config = parse_config([*given, "--patience=5"], {})
        for name, way in WAYS.items():
            started = time.process_time()
            best = way(config, settings, make_search(space, settings, epochs, seed))
            results[name].append((best, time.process_time() - started))
    for name, rows in results.items():
        bests, seconds = zip(*rows, strict=True)
        each = " ".join(f"{best:.4f}" for best in bests)
        click.echo(
            f"{name:26} mean {statistics.mean(bests):.4f} ({each}), {statistics.median(seconds):.2f} s of a core"
        )
    ratios = [one[1] / other[1] for one, other in zip(*results.values(), strict=True)]
    click.echo(f"ratio of seconds, seed by seed: {' '.join(f'{ratio:.1f}' for ratio in ratios)}")


if __name__ == "__main__":
    main()
