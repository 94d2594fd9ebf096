"""Variations of training images."""

import pytest
import torch

from inference.preprocessing import Preprocessing
from training.data.augmentation import RECIPES, augment, training_preprocessing


def arrow(count: int) -> torch.Tensor:
    """Pictures whose left half is bright and right half dark."""
    images = torch.zeros((count, 3, 32, 32), dtype=torch.uint8)
    images[..., :16] = 200
    return images


@pytest.mark.parametrize("name", ["basic", "strong"])
def test_same_seed_gives_the_same_variations(name: str) -> None:
    """Augmentation draws from the job's generator only."""
    recipe = RECIPES[name]
    assert recipe is not None

    first = augment(arrow(16), recipe, torch.Generator().manual_seed(3), 32)

    assert torch.equal(first, augment(arrow(16), recipe, torch.Generator().manual_seed(3), 32))
    assert not torch.equal(first[0], first[1])


def test_basic_never_mirrors_and_strong_does() -> None:
    """A mirrored digit is another digit, so `basic` keeps left on the left."""
    left_is_bright = {}
    for name in ("basic", "strong"):
        recipe = RECIPES[name]
        assert recipe is not None
        images = augment(arrow(64), recipe, torch.Generator().manual_seed(0), 32).float()
        bright = images[..., :16].mean(dim=(1, 2, 3)) > images[..., 16:].mean(dim=(1, 2, 3))
        left_is_bright[name] = bright.float().mean().item()

    assert left_is_bright["basic"] == 1.0
    assert 0.2 < left_is_bright["strong"] < 0.8


def test_strong_looks_at_larger_training_images() -> None:
    """Zooming in needs pixels that the network's own size has not."""
    preprocessing = Preprocessing.for_image_size(64)
    recipe = RECIPES["strong"]
    assert recipe is not None

    kept = training_preprocessing(preprocessing, "strong")

    assert (kept.image_size, kept.resize_size) == (80, 80)
    assert training_preprocessing(preprocessing, "basic") == preprocessing
    assert augment(torch.zeros((2, 3, 80, 80), dtype=torch.uint8), recipe, torch.Generator(), 64).shape == (
        2,
        3,
        64,
        64,
    )
