"""What a network is trained and scored on: batches of images, decoded ahead of time and varied."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from inference.model import normalise, predict_logits
from inference.preprocessing import Preprocessing
from training.config import TrainingConfig
from training.data.augmentation import RECIPES, Draws, augment, rand_augment, shrink
from training.data.prefetch import prefetched
from training.data.splits import Split
from training.distributed import Shard, World, gather_rows

EVALUATION_BATCH_SIZE = 64
SIDE_STEP = 32  # pixels; networks halve the side five times


class Inputs(Protocol):
    """One split as `engine` sees it."""

    @property
    def labels(self) -> Tensor:
        """The class index of each image, (N,) int64."""

    def training_batches(
        self, batches: Sequence[Tensor], epoch: int, generator: torch.Generator, device: torch.device
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the network's float32 input and the classes (B,) of our part of each batch of indices."""

    def logits(self, model: nn.Module) -> Tensor:
        """Return float32 logits (N, num_classes) on the CPU, in file order; leaves `model` in eval mode."""


class ImageInputs:
    """A split of images; several processes share the work."""

    def __init__(
        self, split: Split, config: TrainingConfig, preprocessing: Preprocessing, world: World | None = None
    ) -> None:
        self.split = split
        self.config = config
        self.preprocessing = preprocessing
        self.world = world or World()

    @property
    def labels(self) -> Tensor:
        return self.split.labels

    def training_batches(
        self, batches: Sequence[Tensor], epoch: int, generator: torch.Generator, device: torch.device
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Decoding runs ahead in a thread; all that is drawn from `generator` is drawn here, in step with training."""
        recipe = RECIPES[self.config.augment]
        side = side_of_epoch(self.config, epoch)
        shard = self.world.shard
        decoded = _ahead(self.split, self.split.chunks(batches, shard))
        for total, (images, labels) in zip(map(len, batches), decoded, strict=True):
            pixels = images.to(device, non_blocking=True)
            if self.config.randaugment:
                pixels = rand_augment(pixels, self.config.randaugment)
            if recipe is not None:
                pixels = augment(pixels, recipe, generator, side, Draws(generator, total, shard.of(total)))
            elif side != pixels.shape[-1]:
                pixels = shrink(pixels, side)
            batch = normalise(pixels, self.preprocessing).contiguous(memory_format=torch.channels_last)
            yield batch, labels.to(device, non_blocking=True)

    def logits(self, model: nn.Module) -> Tensor:
        return all_logits(model, self.split, self.preprocessing, world=self.world)


def all_logits(
    model: nn.Module,
    split: Split,
    preprocessing: Preprocessing,
    batch_size: int = EVALUATION_BATCH_SIZE,
    world: World | None = None,
) -> Tensor:
    """Return float32 logits (N, num_classes) on the CPU, in file order; leaves `model` in eval mode.

    Several processes take whole batches in turns, so each batch gives what it gives in one process.
    """
    model.eval()
    world = world or World()
    chunks = torch.split(torch.arange(len(split)), batch_size)
    own = torch.cat([*chunks[world.shard.index :: world.size], torch.empty(0, dtype=torch.int64)])
    batches = decoded_ahead(split, batch_size, own)
    logits = [predict_logits(model, images, preprocessing).cpu() for images, _ in batches]
    return gather_rows(world, logits, len(chunks))


def decoded_ahead(
    split: Split, batch_size: int, order: Tensor | None = None, shard: Shard | None = None
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the split's batches, decoded while the last one is used."""
    return _ahead(split, split.batches(batch_size, order, shard))


def _ahead(split: Split, batches: Iterator[tuple[Tensor, Tensor]]) -> Iterator[tuple[Tensor, Tensor]]:
    """A thread gains nothing where the pixels are in memory already."""
    return batches if split.cache is not None else prefetched(batches)


def side_of_epoch(config: TrainingConfig, epoch: int) -> int:
    """Return the side in pixels that `epoch` (from 1) trains at: with `progressive_resize` below 1 it grows to full.

    Source: Tan and Le, EfficientNetV2, 2021 (progressive learning).
    """
    if config.progressive_resize >= 1 or config.epochs == 1:
        return config.image_size
    least = config.progressive_resize
    side = config.image_size * (least + (1 - least) * (epoch - 1) / (config.epochs - 1))
    return min(config.image_size, max(SIDE_STEP, round(side / SIDE_STEP) * SIDE_STEP))
