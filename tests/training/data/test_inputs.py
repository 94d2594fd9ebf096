"""Batches as the network sees them: sides that grow, options together, pixels read ahead or kept."""

from collections.abc import Callable

import pytest
import torch

from inference.model import ModelSpec, build_model
from inference.preprocessing import Preprocessing
from training.config import TrainingConfig
from training.data.augmentation import rand_augment, shrink
from training.data.inputs import ImageInputs, side_of_epoch
from training.data.splits import load_datasets
from training.optimisation.engine import fit
from training.optimisation.state import FitResult

MakeConfig = Callable[..., TrainingConfig]


def test_side_grows_to_full_size_in_steps_the_network_halves(make_config: MakeConfig) -> None:
    """From half to full in ten epochs."""
    config = make_config(image_size=224, epochs=10, progressive_resize=0.5)

    sides = [side_of_epoch(config, epoch) for epoch in range(1, 11)]

    assert sides == sorted(sides)
    assert (sides[0], sides[-1]) == (128, 224)
    assert all(side % 32 == 0 for side in sides)


def test_side_is_full_when_growing_is_off(make_config: MakeConfig) -> None:
    """The default."""
    assert side_of_epoch(make_config(image_size=100), 1) == 100


def test_images_are_shrunk_without_false_patterns() -> None:
    """Stripes finer than the smaller image become grey."""
    stripes = torch.zeros((1, 3, 64, 64), dtype=torch.uint8)
    stripes[..., ::2] = 200

    smaller = shrink(stripes, 16)

    assert smaller.shape == (1, 3, 16, 16)
    assert 95 <= int(smaller[..., 2:-2, 2:-2].min()) <= int(smaller[..., 2:-2, 2:-2].max()) <= 105


def test_rand_augment_repeats_with_torch_s_seed() -> None:
    """It draws from torch's own generator, which checkpoints keep."""
    images = torch.randint(0, 256, (8, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(1)
    first = rand_augment(images, 9)
    torch.manual_seed(1)

    assert torch.equal(rand_augment(images, 9), first)
    assert (first.dtype, first.shape) == (images.dtype, images.shape)
    assert not torch.equal(first, images)


def run(config: TrainingConfig) -> FitResult:
    preprocessing = Preprocessing.for_image_size(config.image_size)
    datasets = load_datasets(config, preprocessing, preprocessing)
    torch.manual_seed(config.seed)
    model = build_model(ModelSpec(config.model_name, 3, config.dropout))
    train, validation = (ImageInputs(split, config, preprocessing) for split in (datasets.train, datasets.validation))
    return fit(model, train, validation, config)


@pytest.mark.usefixtures("image_folder")
def test_images_read_ahead_give_the_losses_of_images_kept(make_config: MakeConfig) -> None:
    """Whether the pixels fit the cache is a matter of speed alone."""
    kept, ahead = (run(make_config(cache_mb=size, workers=2)).epochs for size in (100, 0))

    assert [result.train for result in kept] == [result.train for result in ahead]


@pytest.mark.usefixtures("image_folder")
def test_all_options_together_train_and_repeat(make_config: MakeConfig) -> None:
    """Growing sides, unfreezing, slower stages, averages and blends in one job, twice the same."""
    config = make_config(
        image_size=64,
        epochs=3,
        progressive_resize=0.5,
        progressive_unfreeze=1,
        layer_lr_decay=0.7,
        ema_decay=0.9,
        mixup=0.2,
        cutmix=1.0,
        randaugment=5,
    )
    first, again = run(config), run(config)

    assert [result.train for result in first.epochs] == [result.train for result in again.epochs]
    assert first.best_validation == again.best_validation
    assert first.epochs[-1].train.loss < first.epochs[0].train.loss
