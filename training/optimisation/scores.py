"""The two scores that training is steered by."""

from typing import NamedTuple

from torch import Tensor
from torch.nn import functional


class Metrics(NamedTuple):
    """Scores over a set of images."""

    loss: float  # mean cross-entropy per image, nats
    top1: float  # fraction of images classified correctly, 0..1


def metrics_of(logits: Tensor, labels: Tensor) -> Metrics:
    """Average over images, so a short last batch does not weigh more."""
    loss = functional.cross_entropy(logits.double(), labels).item()
    return Metrics(loss, (logits.argmax(dim=1) == labels).double().mean().item())
