"""Where a training job stands: all that changes while it trains, so that it can be saved and taken up again."""

import math
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from training.distributed import World
from training.optimisation.ema import WeightAverage
from training.optimisation.scores import Metrics


@dataclass(frozen=True)
class EpochResult:
    """What one epoch gave."""

    epoch: int  # from 1
    train: Metrics
    validation: Metrics
    seconds: float
    images_per_second: float
    learning_rate: float = math.nan  # of the last step, where it is greatest; nan in what older jobs saved


@dataclass
class FitResult:
    """The epochs that ran; `model` holds the weights of `best_epoch` when `fit` returns."""

    epochs: list[EpochResult]
    best_epoch: int
    best_validation: Metrics

    @property
    def broke_down(self) -> bool:
        """Whether the loss of the last epoch was no number, which ended the training."""
        return not is_finite(self.epochs[-1])


@dataclass
class EpochProgress:
    """How far the epoch under way has come."""

    order: Tensor  # (N,) int64, the images of this epoch in their order
    loss_sum: Tensor  # () of the images seen
    num_correct: Tensor  # () int64
    num_steps: int = 0  # batches of `order` that are done
    seconds: float = 0.0  # spent training, also before an interruption

    def sums(self) -> tuple[float, int]:
        """Return what this process has added up."""
        return float(self.loss_sum), int(self.num_correct)

    def set_sums(self, loss_sum: float, num_correct: int) -> None:
        """Go on from these sums."""
        self.loss_sum.fill_(loss_sum)
        self.num_correct.fill_(num_correct)


@dataclass
class TrainingState:
    """The model, what drives it, and what it has reached; plain data once `state_dict` is called.

    `generator` draws the order of the images and their variations. torch's global generator draws dropout; both are
    saved. The learning rate is a function of `step` alone.
    """

    model: nn.Module
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    generator: torch.Generator
    average: WeightAverage | None = None
    step: int = 0  # optimiser steps taken, over all epochs
    progress: EpochProgress | None = None  # None between epochs
    epochs: list[EpochResult] = field(default_factory=list)
    best: EpochResult | None = None
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    world: World = field(default_factory=World)
    class_weights: Tensor | None = None  # (num_classes,) in the loss
    parallel: nn.Module | None = None  # what is called in training: `model`, its gradients averaged over the processes
    wrapped: tuple[bool, ...] = ()  # which parameters were trainable when `parallel` was made

    @property
    def epoch(self) -> int:
        """The number of epochs that are finished."""
        return len(self.epochs)

    def record(self, result: EpochResult) -> None:
        """Add a finished epoch; its weights are kept when it is the best by validation top-1, then by loss."""
        self.epochs.append(result)
        self.progress = None
        if is_finite(result) and (self.best is None or rank(result) > rank(self.best)):
            weights = self.model.state_dict() if self.average is None else self.average.weights
            self.best, self.best_weights = result, {name: value.clone() for name, value in weights.items()}

    def state_dict(self) -> dict[str, Any]:
        """Return all of it as numbers, strings and tensors, which `torch.load(weights_only=True)` reads."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "generator": self.generator.get_state(),
            "global_generator": torch.get_rng_state(),
            "average": None if self.average is None else self.average.weights,
            "step": self.step,
            "progress": None if self.progress is None else _fields(self.progress),
            "epochs": [_result_to_dict(result) for result in self.epochs],
            "best_epoch": 0 if self.best is None else self.best.epoch,
            "best_weights": self.best_weights,
        }

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Go back to where `state_dict` was called, torch's global generator included."""
        self.model.load_state_dict(saved["model"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.scaler.load_state_dict(saved["scaler"])
        self.generator.set_state(saved["generator"].cpu())
        torch.set_rng_state(saved["global_generator"].cpu())
        if self.average is not None:
            self.average.load(saved["average"])
        self.step = saved["step"]
        self.progress = None if saved["progress"] is None else EpochProgress(**saved["progress"])
        if self.progress is not None:
            device = next(self.model.parameters()).device
            self.progress.loss_sum = self.progress.loss_sum.to(device)
            self.progress.num_correct = self.progress.num_correct.to(device)
        self.epochs = [_result_from_dict(row) for row in saved["epochs"]]
        self.best = next((result for result in self.epochs if result.epoch == saved["best_epoch"]), None)
        self.best_weights = dict(saved["best_weights"])


class Callback:
    """What a job does besides training: say, save, measure. Each method may be left as it is."""

    def on_start(self, state: TrainingState) -> None:
        """Called once before the first step; may load a saved state."""

    def on_step(self, state: TrainingState) -> None:
        """Called after each optimiser step; may save the state, or raise to end the job."""

    def on_trained(self, state: TrainingState) -> None:
        """Called after the last step of each epoch, before it is scored."""

    def on_epoch(self, state: TrainingState, result: EpochResult) -> None:
        """Called after each epoch, when `result` is in `state.epochs`."""

    def on_end(self, state: TrainingState) -> None:
        """Called after the last epoch; the model still has the weights of the last step."""


def is_finite(result: EpochResult) -> bool:
    """Tell whether the losses are numbers; training cannot recover once they are not."""
    return math.isfinite(result.train.loss) and math.isfinite(result.validation.loss)


def rank(result: EpochResult) -> tuple[float, float]:
    """Return what makes one epoch better than another."""
    return (result.validation.top1, -result.validation.loss)


def _fields(progress: EpochProgress) -> dict[str, Any]:
    return dict(vars(progress))


def _result_to_dict(result: EpochResult) -> dict[str, Any]:
    return {**asdict(result), "train": list(result.train), "validation": list(result.validation)}


def _result_from_dict(row: dict[str, Any]) -> EpochResult:
    return EpochResult(**{**row, "train": Metrics(*row["train"]), "validation": Metrics(*row["validation"])})
