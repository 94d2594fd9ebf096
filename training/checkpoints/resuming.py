"""A training that is interrupted, by SIGTERM or by a kill, and taken up again where it was."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from training.checkpoints.folder import CheckpointFolder, State, restore_rng_state, rng_state
from training.config import TrainingConfig
from training.data.splits import Datasets
from training.distributed import World
from training.errors import StoppedError
from training.model.precision import resolve
from training.model.weights import digest_of
from training.optimisation.state import Callback, EpochResult, TrainingState
from training.stopping import STOPPED, StopSignal

# What a result does not depend on. Everything else must be equal for a checkpoint to be used.
IRRELEVANT = {
    "cache_mb",
    "champion_name",
    "champion_problem",
    "checkpoint_seconds",
    "checkpoint_steps",
    "data",
    "dataset_fingerprint",
    "download_dir",
    "max_duplicates",
    "max_unreadable",
    "profile",
    "save_model",
    "test_fraction",
    "training_job_name",
    "validation_fraction",
    "workers",
}


class Checkpoints(Callback):
    """Loads the newest checkpoint at the start, saves one when it is due, and one more on SIGTERM.

    With several processes rank 0 reads and writes; the random generators and sums of each process are in it too.
    """

    def __init__(self, folder: CheckpointFolder, world: World, stop: StopSignal) -> None:
        self.folder = folder
        self.world = world
        self.stop = stop
        self._scored: tuple[TrainingState, int] | None = None  # what is being scored, with its finished epochs
        self._saved = (-1, -1)  # steps and epochs

    def on_start(self, state: TrainingState) -> None:
        saved = self.world.from_first(self.folder.load() if self.world.is_first else None)
        if saved is not None:
            restore(state, saved, self.world)
            self._saved = (state.step, state.epoch)
        self.stop.is_deferred = True

    def on_step(self, state: TrainingState) -> None:
        self._look(state)

    def on_trained(self, state: TrainingState) -> None:
        """Scoring may take long and changes nothing, so a signal ends it at once; `rescue` saves what came before.

        Several processes finish it first: one that left would take the others' answers with it, and the checkpoint too.
        """
        if self.world.size > 1:
            return
        self._scored = (state, state.epoch)
        self.stop.is_deferred = False
        self.stop.check()

    def on_epoch(self, state: TrainingState, result: EpochResult) -> None:
        self.stop.is_deferred = True
        self._scored = None
        self._look(state)

    def on_end(self, state: TrainingState) -> None:
        """Save the end, so that a kill while the model is written costs no training."""
        if self._saved != (state.step, state.epoch):
            self._save(state)
        self.stop.is_deferred = False
        self.stop.check()

    def rescue(self) -> str:
        """Save what a signal interrupted while it was scored; return where, or "" where the last checkpoint must do."""
        if self._scored is None:
            return ""
        state, epoch = self._scored
        if state.progress is None or state.epoch != epoch:  # the signal came while the scores were noted down
            return ""
        self._save(state)
        return self._where(state)

    def _look(self, state: TrainingState) -> None:
        due = self.world.is_first and self.folder.is_due(state.step)
        is_stopped, is_due = self.world.any([self.stop.is_set, due])
        if is_stopped or is_due:
            self._save(state)
        if is_stopped:
            raise StoppedError(f"{STOPPED}; {self._where(state)}")

    def _where(self, state: TrainingState) -> str:
        return f"a checkpoint after {state.step} steps is in {str(self.folder.folder)!r}"

    def _save(self, state: TrainingState) -> None:
        own: State = {"rng": rng_state(), "sums": None if state.progress is None else state.progress.sums()}
        processes = self.world.gather(own)
        self._saved = (state.step, state.epoch)
        if self.world.is_first:
            self.folder.save(state.step, {**state.state_dict(), "processes": processes})


def restore(state: TrainingState, saved: State, world: World) -> None:
    """Put `state` and the random generators back to where `saved` was made, by as many processes or others."""
    state.load_state_dict(saved)
    processes = saved["processes"]
    rank = world.shard.index
    if rank < len(processes):
        restore_rng_state(processes[rank]["rng"])
    if state.progress is None:
        return
    sums = [each["sums"] for each in processes]
    if len(processes) == world.size:
        state.progress.set_sums(*sums[rank])
    else:  # the sums of all are kept by one
        totals = [sum(column) for column in zip(*sums, strict=True)]
        state.progress.set_sums(*(totals if world.is_first else [0.0, 0]))


def identity(config: TrainingConfig, datasets: Datasets, network: nn.Module) -> Mapping[str, Any]:
    """Return what a result depends on: settings, data, starting weights and the numbers computed with."""
    device = next(network.parameters()).device
    settings = {name: value for name, value in config.hyperparameters().items() if name not in IRRELEVANT}
    return {
        **settings,
        "precision": resolve(config.precision, device),
        "device": device.type,
        "data_sha256": datasets.digest(),
        "weights_sha256": digest_of(network.state_dict()),
    }
