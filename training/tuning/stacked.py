"""Heads of one form side by side: one matrix product for all of them, each with its own dropout and optimiser.

A head learns nothing from those beside it: its dropout is drawn from the same numbers whoever is there, and its
gradients are its own. So a trial ends alike alone and among twenty, to rounding.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from training.config import TrainingConfig
from training.data.mixing import Batch
from training.optimisation.adamw import adamw
from training.optimisation.engine import MAX_GRADIENT_NORM


class StackedHeads(nn.Module):
    """K heads: K times the layers of one; features (B, D) in, logits (B, K, C) out."""

    def __init__(self, head: nn.Module, dropouts: Sequence[float], seed: int) -> None:
        """Begin with `head` in every place; the numbers that dropout is drawn from begin at `seed`."""
        super().__init__()
        linears = [layer for layer in head.modules() if isinstance(layer, nn.Linear)]
        device = linears[0].weight.device
        copies = len(dropouts)
        # (K, in, out), as the products' gradients lie in memory: of the other way round each step made copies.
        self.weights = nn.ParameterList(one.weight.detach().T.repeat(copies, 1, 1) for one in linears)
        self.biases = nn.ParameterList(one.bias.detach().repeat(copies, 1, 1) for one in linears)
        self.dropouts = torch.tensor(dropouts, device=device).view(-1, 1, 1)
        self.drops = any(dropouts)
        self.generator = torch.Generator(device).manual_seed(seed)

    @property
    def count(self) -> int:
        """How many heads there are."""
        return len(self.dropouts)

    def forward(self, features: Tensor) -> Tensor:
        """Return the logits (B, K, C)."""
        outputs = features
        for number, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            outputs = outputs.relu() if number else outputs
            if self.training and self.drops:
                outputs = self._dropped(outputs)
            outputs = torch.baddbmm(bias, outputs.expand(self.count, -1, -1), weight)
        return outputs.transpose(0, 1)

    def _dropped(self, values: Tensor) -> Tensor:
        """Drop each head's share of `values`, (B, D) or (K, B, D), by numbers that all heads have in common."""
        drawn = torch.rand(values.shape[-2:], generator=self.generator, device=values.device)
        return values * (drawn >= self.dropouts) / (1 - self.dropouts)

    def keep(self, rows: Tensor) -> None:
        """Let the heads of `rows` alone go on."""
        for parameters in (self.weights, self.biases):
            for number, parameter in enumerate(parameters):
                parameters[number] = nn.Parameter(parameter.detach()[rows])
        self.dropouts = self.dropouts[rows]


class StackedAdamW:
    """AdamW for each head by its own rate and weight decay, on gradients that are clipped for each alone."""

    def __init__(self, heads: StackedHeads, configs: Sequence[TrainingConfig]) -> None:
        self.heads = heads
        self._leaves = [
            [parameter.detach()[row] for parameter in heads.parameters()] for row in range(len(configs))
        ]  # they share the memory of what they are part of
        described = [
            {"params": parameters, "weight_decay": decay, "peak_lr": config.lr}
            for leaves, config in zip(self._leaves, configs, strict=True)
            for parameters, decay in (
                (leaves[: len(heads.weights)], config.weight_decay),
                (leaves[len(heads.weights) :], 0.0),
            )
        ]
        self.optimizer = adamw(described, configs[0].lr)

    def step(self, losses: Tensor) -> None:
        """Take one step by the loss of each head (K,)."""
        parameters = list(self.heads.parameters())
        gradients = torch.autograd.grad(losses.sum(), parameters)
        norms = torch.stack([torch.linalg.vector_norm(one.flatten(1), dim=1) for one in gradients])
        scales = (MAX_GRADIENT_NORM / (torch.linalg.vector_norm(norms, dim=0) + 1e-6)).clamp(max=1).view(-1, 1, 1)
        clipped = [one.mul_(scales) for one in gradients]  # in place: new memory for each costs as much as the product
        for row, leaves in enumerate(self._leaves):
            for leaf, gradient in zip(leaves, clipped, strict=True):
                leaf.grad = gradient[row]
        self.optimizer.step()

    def kept(self, rows: Sequence[int], configs: Sequence[TrainingConfig]) -> "StackedAdamW":
        """Return what goes on with the heads of `rows`, which `heads` has kept already, where they are."""
        other = StackedAdamW(self.heads, configs)
        for row, leaves in zip(rows, other._leaves, strict=True):  # noqa: SLF001 - another of its kind
            for old, leaf in zip(self._leaves[row], leaves, strict=True):
                other.optimizer.state[leaf] = self.optimizer.state[old]
        return other


def stacked_losses(batch: Batch, logits: Tensor, smoothing: Tensor, class_weights: Tensor | None) -> Tensor:
    """Return the mean loss of each head (K,) on logits (B, K, C), as `Batch.loss` gives it for one."""
    log_probabilities = logits.log_softmax(dim=2)
    weighted = log_probabilities if class_weights is None else log_probabilities * class_weights
    spread = -weighted.sum(dim=2) * (smoothing / logits.shape[2])

    def of(classes: Tensor) -> Tensor:
        own = weighted.gather(2, classes.view(-1, 1, 1).expand(-1, logits.shape[1], 1)).squeeze(2)
        return ((smoothing - 1) * own + spread).mean(dim=0)

    if batch.partners is None:
        return of(batch.classes)
    return batch.share * of(batch.classes) + (1 - batch.share) * of(batch.partners)
