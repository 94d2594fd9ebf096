"""The optimiser, its learning rates, and which parts of a network they reach in which epoch."""

import math

import torch
from torch import nn

from training.config import TrainingConfig
from training.model.stages import set_trainable_stages, stage_of
from training.optimisation.adamw import adamw

WARM_UP_FRACTION = 0.1  # of all steps; AdamW's estimates are poor before


def make_optimizer(model: nn.Module, config: TrainingConfig) -> torch.optim.Optimizer:
    """Return AdamW over what is trainable in `model`.

    Biases and normalisation weights are not decayed: they have one dimension. With `layer_lr_decay` below 1 each stage
    learns that much slower than the one behind it. Source: Howard and Ruder, ULMFiT, 2018 (discriminative rates).
    """
    groups: dict[tuple[int, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            stage = stage_of(model, name) if config.layer_lr_decay < 1 else 0
            groups.setdefault((stage, parameter.ndim <= 1), []).append(parameter)
    described = [
        {
            "params": parameters,
            "weight_decay": 0.0 if undecayed else config.weight_decay,
            "peak_lr": config.lr * config.layer_lr_decay**stage,
        }
        for (stage, undecayed), parameters in sorted(groups.items(), key=lambda item: item[0])
    ]
    return adamw(described, config.lr)


def set_learning_rate(optimizer: torch.optim.Optimizer, step: int, num_steps: int, warm_up_steps: int) -> None:
    """Set the rate of `step` (from 0) in each group."""
    factor = learning_rate_factor(step, num_steps, warm_up_steps)
    for group in optimizer.param_groups:
        group["lr"] = group["peak_lr"] * factor


def warm_up_steps(config: TrainingConfig, steps_per_epoch: int) -> int:
    """Return how many steps the rate rises: a tenth of all unless `warmup_epochs` says otherwise."""
    if config.warmup_epochs < 0:
        return max(1, round(config.epochs * steps_per_epoch * WARM_UP_FRACTION))
    return max(1, round(config.warmup_epochs * steps_per_epoch))


def learning_rate_factor(step: int, num_steps: int, warm_up: int) -> float:
    """Return the fraction of the peak rate: linear up in `warm_up` steps, then half a cosine down to zero.

    Source: Loshchilov and Hutter, SGDR, 2017.
    """
    if step < warm_up:
        return (step + 1) / warm_up
    return 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(1, num_steps - warm_up)))


def unfreeze_for_epoch(model: nn.Module, config: TrainingConfig, epoch: int) -> None:
    """With `progressive_unfreeze` = n, make the head alone trainable first and one stage more after every n epochs."""
    if config.progressive_unfreeze and config.unfreeze_depth:
        reached = (epoch - 1) // config.progressive_unfreeze
        whole = config.unfreeze_depth < 0
        set_trainable_stages(model, reached if whole else min(reached, config.unfreeze_depth))
