"""Classes with few images: their images weigh more in the loss, or come more often."""

import torch
from torch import Tensor


def class_weights(labels: Tensor) -> Tensor:
    """Return a weight (num_classes,) for each class of `labels`, inverse to its images; their mean over images is 1."""
    counts = torch.bincount(labels)
    return len(labels) / (len(counts) * counts.clamp(min=1)).to(torch.float32)


def balanced_order(labels: Tensor, generator: torch.Generator) -> Tensor:
    """Return as many indices as images, each class drawn equally often; some images come repeatedly."""
    weights = class_weights(labels)[labels].to(torch.float64)
    uniform = torch.rand(len(labels), generator=generator, dtype=torch.float64)
    # By the running sum, since torch.multinomial takes at most 2^24 items.
    return torch.searchsorted(weights.cumsum(0) / weights.sum(), uniform).clamp(max=len(labels) - 1)
