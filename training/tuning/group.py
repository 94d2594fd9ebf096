"""Trials whose heads have one form and one batch size: they see the same features and are trained in one go."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from inference.model import ModelSpec, make_head
from training.config import TrainingConfig
from training.data.balance import class_weights
from training.data.inputs import Inputs
from training.data.mixing import mix
from training.distributed import World
from training.model.precision import best_device
from training.optimisation.ema import WeightAverage
from training.optimisation.engine import epoch_batches, start_epoch
from training.optimisation.schedule import set_learning_rate, warm_up_steps
from training.optimisation.scores import Metrics, metrics_of
from training.preparation import Preparation
from training.tuning.stacked import StackedAdamW, StackedHeads, stacked_losses


@dataclass(frozen=True)
class TuningData:
    """The features that all trials have in common."""

    train: Inputs
    validation: Inputs
    num_classes: int
    num_features: int

    @classmethod
    def of(cls, ready: Preparation) -> "TuningData":
        """Return what a job that trains a head on features has prepared."""
        linear = next(layer for layer in ready.module.modules() if isinstance(layer, nn.Linear))
        return cls(ready.train, ready.validation, len(ready.datasets.class_names), linear.in_features)


@dataclass(frozen=True)
class Score:
    """What an epoch gave one trial."""

    train_loss: float
    validation: Metrics
    seconds: float  # its share of the epoch's

    @property
    def is_finite(self) -> bool:
        """Whether the losses are numbers."""
        return math.isfinite(self.train_loss) and math.isfinite(self.validation.loss)


Member = tuple[int, TrainingConfig]  # a trial by its number, and its settings


def grouped(members: Sequence[Member], data: TuningData) -> "list[Group]":
    """Return the trials in groups that can be trained in one go."""
    by_form: dict[tuple[str, int], list[Member]] = {}
    for number, config in members:
        by_form.setdefault((config.head, config.batch_size), []).append((number, config))
    return [Group(those, data) for those in by_form.values()]


@dataclass
class Group:
    """The trials that go on; each begins with the head that a job of its own would begin with."""

    members: list[Member]
    data: TuningData
    step: int = 0
    epoch: int = 0
    heads: StackedHeads = field(init=False)
    optimizer: StackedAdamW = field(init=False)

    def __post_init__(self) -> None:
        config, data = self.config, self.data
        torch.manual_seed(config.seed)
        spec = ModelSpec(config.model_name, data.num_classes, 0.0, config.head, config.head_width)
        head = make_head(spec, data.num_features).to(best_device())
        self.heads = StackedHeads(head, [each.dropout for _, each in self.members], config.seed)
        self.optimizer = StackedAdamW(self.heads, self.configs)
        self.generator = torch.Generator().manual_seed(config.seed)
        self.average = WeightAverage(self.heads, config.ema_decay) if config.ema_decay else None
        self.device = next(self.heads.parameters()).device
        balanced = config.class_balance == "loss"
        self.class_weights = class_weights(self.data.train.labels).to(self.device) if balanced else None
        self._sees_members()

    @property
    def config(self) -> TrainingConfig:
        """The settings of the first, whose untuned values are those of all."""
        return self.members[0][1]

    @property
    def configs(self) -> list[TrainingConfig]:
        """The settings of all."""
        return [config for _, config in self.members]

    def run_epoch(self) -> dict[int, Score]:
        """Train every head for an epoch and score it; return the scores by the trials' numbers."""
        started = time.perf_counter()
        losses = self._train_epoch()
        logits = self._validation_logits()
        validation = [metrics_of(logits[:, row], self.data.validation.labels) for row in range(len(self.members))]
        self.epoch += 1
        seconds = (time.perf_counter() - started) / len(self.members)
        return {
            number: Score(loss, metrics, seconds)
            for (number, _), loss, metrics in zip(self.members, losses, validation, strict=True)
        }

    def _train_epoch(self) -> list[float]:
        """Take the steps of one epoch; return the mean loss of each head."""
        config, train = self.config, self.data.train
        order = start_epoch(train, config, self.generator, self.device).order
        batches = epoch_batches(order, config, World())
        num_steps, warm_up = config.epochs * len(batches), warm_up_steps(config, len(batches))
        total = torch.zeros(len(self.members), device=self.device)
        self.heads.train()
        for inputs, classes in train.training_batches(batches, self.epoch + 1, self.generator, self.device):
            batch = mix(inputs, classes, config.mixup, 0.0, self.generator)
            set_learning_rate(self.optimizer.optimizer, self.step, num_steps, warm_up)
            losses = stacked_losses(batch, self.heads(batch.inputs), self.smoothing, self.class_weights)
            self.optimizer.step(losses)
            self.step += 1
            if self.average is not None:
                self.average.update(self.heads, self.step)
            total += losses.detach()
        return [float(value) for value in total / len(batches)]

    def _validation_logits(self) -> Tensor:
        """Return the logits (N, K, C) of the averaged weights where there are any, else of the heads' own."""
        if self.average is None:
            return self.data.validation.logits(self.heads)
        with self.average.applied(self.heads):
            return self.data.validation.logits(self.heads)

    def drop(self, numbers: set[int]) -> None:
        """Let the trials `numbers` end; the others go on as they are."""
        rows = [row for row, (number, _) in enumerate(self.members) if number not in numbers]
        if len(rows) == len(self.members):
            return
        self.members = [self.members[row] for row in rows]
        if not rows:
            return
        index = torch.tensor(rows, device=self.device)
        self.heads.keep(index)
        self.optimizer = self.optimizer.kept(rows, self.configs)
        if self.average is not None:
            self.average.weights = {name: value[index] for name, value in self.average.weights.items()}
        self._sees_members()

    def _sees_members(self) -> None:
        self.smoothing = torch.tensor([config.label_smoothing for config in self.configs], device=self.device)
