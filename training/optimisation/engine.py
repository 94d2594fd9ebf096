"""Passes over the data and the loop of epochs. Touches no disk, environment or global but torch's generator."""

import math
import time
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.config import TrainingConfig
from training.data.balance import balanced_order, class_weights
from training.data.inputs import Inputs
from training.data.mixing import Batch, even_batches, mix
from training.distributed import World
from training.errors import ConfigError, TrainingError
from training.model.precision import autocast, grad_scaler
from training.model.stages import set_training_mode
from training.optimisation.ema import WeightAverage
from training.optimisation.schedule import make_optimizer, set_learning_rate, unfreeze_for_epoch, warm_up_steps
from training.optimisation.scores import Metrics, metrics_of
from training.optimisation.state import Callback, EpochProgress, EpochResult, FitResult, TrainingState, is_finite

MAX_GRADIENT_NORM = 5.0


def fit(
    model: nn.Module,
    train: Inputs,
    validation: Inputs,
    config: TrainingConfig,
    callbacks: Sequence[Callback] = (),
    world: World | None = None,
) -> FitResult:
    """Train `model` and leave it with the weights of its best epoch by validation top-1, then by validation loss.

    Stops early after `patience` epochs without progress, or when the loss is no number any more. A callback may load an
    earlier state in `on_start`: the loop then goes on from there, in mid-epoch too.

    Raises:
        TrainingError: the loss was no number from the first epoch on.
    """
    state = start_state(model, config, world or World())
    check_batches(train, config, state.world)
    if config.class_balance == "loss":
        state.class_weights = class_weights(train.labels).to(next(model.parameters()).device)
    for callback in callbacks:
        callback.on_start(state)
    while not is_finished(state, config):
        result = run_epoch(state, train, validation, config, callbacks)
        for callback in callbacks:
            callback.on_epoch(state, result)
    for callback in callbacks:
        callback.on_end(state)
    if state.best is None:
        raise TrainingError(f"{what_is_not_finite(state)} after the first epoch; {remedy(config)}")
    model.load_state_dict(state.best_weights)
    return FitResult(state.epochs, state.best.epoch, state.best.validation)


def what_is_not_finite(state: TrainingState) -> str:
    """Return in words which losses of the last epoch, and which of the model's values, are no numbers."""
    last = state.epochs[-1]
    losses = {"training loss": last.train.loss, "validation loss": last.validation.loss}
    words = " and the ".join(f"{name} is {loss}" for name, loss in losses.items() if not math.isfinite(loss))
    spoiled = [name for name, value in state.model.state_dict().items() if not bool(torch.isfinite(value).all())]
    where = f"{spoiled[0]} and {len(spoiled) - 1} more" if len(spoiled) > 1 else (spoiled or ["none"])[0]
    return f"the {words}, not finite of the model: {where},"


def remedy(config: TrainingConfig) -> str:
    """Return what a person can change about a training whose numbers leave their range."""
    advice = f"use a lower lr than {config.lr}"
    return advice if config.precision == "fp32" else f"{advice}, or precision=fp32"


def start_state(model: nn.Module, config: TrainingConfig, world: World | None = None) -> TrainingState:
    """Return the state before the first step."""
    device = next(model.parameters()).device
    return TrainingState(
        model,
        make_optimizer(model, config),
        grad_scaler(config.precision, device),
        torch.Generator().manual_seed(config.seed),
        WeightAverage(model, config.ema_decay) if config.ema_decay else None,
        world=world or World(),
    )


def check_batches(train: Inputs, config: TrainingConfig, world: World) -> None:
    """Batch statistics need two images a process.

    Raises:
        ConfigError: there are too few.
    """
    least = min(config.batch_size, len(train.labels))
    if world.size > 1 and least < 2 * world.size:
        raise ConfigError(
            f"batches of {least} images for {world.size} processes; each needs 2 at least, so use a larger batch_size "
            "or fewer instances"
        )


def is_finished(state: TrainingState, config: TrainingConfig) -> bool:
    """Tell from the finished epochs alone whether to stop, so that a job taken up again decides alike."""
    if not state.epochs:
        return False
    if not is_finite(state.epochs[-1]):
        return True
    without_progress = state.epoch - state.best.epoch if state.best else 0
    return state.epoch >= config.epochs or bool(config.patience and without_progress >= config.patience)


def run_epoch(
    state: TrainingState, train: Inputs, validation: Inputs, config: TrainingConfig, callbacks: Sequence[Callback]
) -> EpochResult:
    """Train for what is left of one epoch, score it, and record it in `state`."""
    epoch = state.epoch + 1
    unfreeze_for_epoch(state.model, config, epoch)
    wrap(state)
    train_metrics, training_seconds = train_one_epoch(state, train, config, callbacks)
    average_statistics(state)
    for callback in callbacks:
        callback.on_trained(state)
    started = time.perf_counter()
    validation_metrics = score(state, validation)
    seconds = training_seconds + time.perf_counter() - started
    num_images = 0 if state.progress is None else len(state.progress.order)
    rate = max(group["lr"] for group in state.optimizer.param_groups)
    result = EpochResult(epoch, train_metrics, validation_metrics, seconds, num_images / training_seconds, rate)
    state.record(result)
    return result


def train_one_epoch(
    state: TrainingState, train: Inputs, config: TrainingConfig, callbacks: Sequence[Callback]
) -> tuple[Metrics, float]:
    """Update the model on the rest of this epoch's images; return metrics and seconds of the whole epoch.

    The metrics are those of the images as seen while training: augmented, and before each step.
    """
    started = time.perf_counter()
    device = next(state.model.parameters()).device
    progress = state.progress = state.progress or start_epoch(train, config, state.generator, device)
    batches = epoch_batches(progress.order, config, state.world)
    steps_per_epoch = len(batches)
    num_steps, warm_up = config.epochs * steps_per_epoch, warm_up_steps(config, steps_per_epoch)
    set_training_mode(state.model)
    rest = batches[progress.num_steps :]
    earlier = progress.seconds
    examples = train.training_batches(rest, state.epoch + 1, state.generator, device)
    for rows, (inputs, classes) in zip(rest, examples, strict=True):
        batch = mix(inputs, classes, config.mixup, config.cutmix, state.generator)
        set_learning_rate(state.optimizer, state.step, num_steps, warm_up)
        logits = training_step(state, batch, config, len(classes) * state.world.size / len(rows))
        with torch.no_grad():
            progress.loss_sum += functional.cross_entropy(logits, classes, reduction="sum")
            progress.num_correct += (logits.argmax(dim=1) == classes).sum()
        progress.num_steps += 1
        progress.seconds = earlier + time.perf_counter() - started
        for callback in callbacks:
            callback.on_step(state)
    count = len(progress.order)
    loss_sum, num_correct = state.world.sum([progress.loss_sum.item(), progress.num_correct.item()])
    metrics = Metrics(loss_sum / count, num_correct / count)
    return metrics, earlier + time.perf_counter() - started


def wrap(state: TrainingState) -> None:
    """Have gradients averaged over the processes: those of the parameters that are trainable now."""
    trainable = tuple(parameter.requires_grad for parameter in state.model.parameters())
    if state.parallel is None or state.wrapped != trainable:
        state.parallel = None  # the hooks of the one before go with it
        state.parallel, state.wrapped = state.world.wrap(state.model), trainable


def average_statistics(state: TrainingState) -> None:
    """Average the running statistics that each process took from its own images; frozen ones are left as they are."""
    training = {name for name, module in state.model.named_modules() if module.training}
    names = [name for name, _ in state.model.named_buffers() if name.rpartition(".")[0] in training]
    buffers = dict(state.model.named_buffers())
    state.world.average(buffers[name] for name in names)
    if state.average is not None:
        state.world.average(state.average.weights[name] for name in names)


def training_step(state: TrainingState, batch: Batch, config: TrainingConfig, share: float = 1.0) -> Tensor:
    """Take one optimiser step; return the float32 logits (B, num_classes) it was computed from.

    `share` is the number of our images by the mean of all processes: the averaged gradient is then the whole batch's.
    """
    parameters = [parameter for parameter in state.model.parameters() if parameter.requires_grad]
    state.optimizer.zero_grad()
    shown = []
    for part in batch.parts(config.accumulate):
        with autocast(config.precision, part.inputs.device):
            logits: Tensor = (state.parallel or state.model)(part.inputs).float()
        loss = part.loss(logits, config.label_smoothing, state.class_weights) * share
        state.scaler.scale(loss * (len(part.classes) / len(batch.classes))).backward()  # type: ignore[no-untyped-call]
        shown.append(logits.detach())
    state.scaler.unscale_(state.optimizer)
    nn.utils.clip_grad_norm_(parameters, max_norm=MAX_GRADIENT_NORM)
    state.scaler.step(state.optimizer)
    state.scaler.update()
    state.step += 1
    if state.average is not None:
        state.average.update(state.model, state.step)
    return torch.cat(shown)


def start_epoch(
    train: Inputs, config: TrainingConfig, generator: torch.Generator, device: torch.device
) -> EpochProgress:
    """Draw the order of the next epoch."""
    total = len(train.labels)
    balanced = config.class_balance == "sampler"
    order = balanced_order(train.labels, generator) if balanced else torch.randperm(total, generator=generator)
    return EpochProgress(order, torch.zeros((), device=device), torch.zeros((), dtype=torch.int64, device=device))


def epoch_batches(order: Tensor, config: TrainingConfig, world: World) -> list[Tensor]:
    """Return the batches of an epoch, of at most `batch_size` where each process then still has two images of each."""
    return even_batches(order, min(math.ceil(len(order) / config.batch_size), len(order) // (2 * world.size)))


def score(state: TrainingState, inputs: Inputs) -> Metrics:
    """Score the averaged weights where there are any, else the model's own."""
    if state.average is None:
        return evaluate(state.model, inputs)
    with state.average.applied(state.model):
        return evaluate(state.model, inputs)


def evaluate(model: nn.Module, inputs: Inputs) -> Metrics:
    """Score `model` on every image of `inputs`; leaves it in eval mode."""
    return metrics_of(inputs.logits(model), inputs.labels)
