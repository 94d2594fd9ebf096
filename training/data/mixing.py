"""Batches whose images are blends of two, with the loss that goes with them."""

import itertools
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Batch:
    """What one training step sees: images or features, their classes, and those they are blended with."""

    inputs: Tensor  # (B, ...)
    classes: Tensor  # (B,) int64
    partners: Tensor | None = None  # (B,) int64, the classes of the blended-in images
    share: float = 1.0  # of the own class, 0..1

    def loss(self, logits: Tensor, label_smoothing: float, class_weights: Tensor | None = None) -> Tensor:
        """Return the mean cross-entropy, weighted by the shares of the two classes."""
        own = _mean_loss(logits, self.classes, label_smoothing, class_weights)
        if self.partners is None:
            return own
        other = _mean_loss(logits, self.partners, label_smoothing, class_weights)
        return self.share * own + (1 - self.share) * other

    def parts(self, count: int) -> "Iterator[Batch]":
        """Yield the batch in up to `count` parts of two images or more."""
        split = [slice(rows[0], rows[-1] + 1) for rows in _even(range(len(self.classes)), count)]
        for rows in split:
            partners = None if self.partners is None else self.partners[rows]
            yield Batch(self.inputs[rows], self.classes[rows], partners, self.share)


def even_batches(order: Tensor, count: int) -> list[Tensor]:
    """Return `order` in up to `count` batches whose sizes differ by one at most, none of a single image.

    A last short batch would teach from statistics of few images, and left out it would teach nothing.
    """
    return [order[rows[0] : rows[-1] + 1] for rows in _even(range(len(order)), count)]


def _even(rows: range, count: int) -> list[range]:
    parts = max(1, min(count, len(rows) // 2))
    cuts = [len(rows) * part // parts for part in range(parts + 1)]
    return [rows[low:high] for low, high in itertools.pairwise(cuts) if high > low]


def _mean_loss(logits: Tensor, classes: Tensor, label_smoothing: float, class_weights: Tensor | None) -> Tensor:
    """With `class_weights`, still divided by the number of images: torch's own mean would undo the weights' sum."""
    if class_weights is None:
        return functional.cross_entropy(logits, classes, label_smoothing=label_smoothing)
    total = functional.cross_entropy(
        logits, classes, weight=class_weights, label_smoothing=label_smoothing, reduction="sum"
    )
    return total / len(classes)


def mix(inputs: Tensor, classes: Tensor, mixup: float, cutmix: float, generator: torch.Generator) -> Batch:
    """Blend each image with another of its batch; `mixup` and `cutmix` are their alphas, 0 for off.

    Where both are on, each batch takes one of the two with even chances. Mixup also blends features (B, D).
    Sources: Zhang et al., mixup, 2018; Yun et al., CutMix, 2019.
    """
    if not mixup and not cutmix:
        return Batch(inputs, classes)
    draw = random.Random(int(torch.randint(2**31, (1,), generator=generator)))  # noqa: S311 - seeded, no secret
    # From a generator of its own: what `generator` gives must not depend on how many images this process has.
    own = torch.Generator().manual_seed(draw.getrandbits(32))
    partner = torch.randperm(len(classes), generator=own).to(classes.device)
    if mixup and (not cutmix or draw.random() < 0.5):
        share = draw.betavariate(mixup, mixup)
        return Batch(inputs.lerp(inputs[partner], 1 - share), classes, classes[partner], share)
    blended, share = _pasted(inputs, partner, draw.betavariate(cutmix, cutmix), draw)
    return Batch(blended, classes, classes[partner], share)


def _pasted(images: Tensor, partner: Tensor, share: float, draw: random.Random) -> tuple[Tensor, float]:
    """Paste one rectangle of the partners; return the images and the fraction that stayed."""
    height, width = images.shape[-2:]
    side = math.sqrt(1 - share)
    top, bottom = _interval(height, side, draw)
    left, right = _interval(width, side, draw)
    blended = images.clone()
    blended[:, :, top:bottom, left:right] = images[partner][:, :, top:bottom, left:right]
    return blended, 1 - (bottom - top) * (right - left) / (height * width)


def _interval(length: int, fraction: float, draw: random.Random) -> tuple[int, int]:
    centre, half = draw.randrange(length), round(length * fraction / 2)
    return max(0, centre - half), min(length, centre + half)
