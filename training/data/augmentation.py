"""Random variations of a batch of training images, drawn from one seeded generator."""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from inference.preprocessing import Preprocessing


@dataclass(frozen=True)
class Recipe:
    """How far images are varied; each bound is used in both directions."""

    min_zoom: float  # side of the window looked at, as a fraction of the image's
    max_zoom: float
    shift: float  # of the window's centre, as a fraction of the side
    turn_degrees: float
    stretch: float  # aspect ratio, as a natural logarithm
    colour: float  # brightness, contrast and saturation, as a fraction
    mirror: bool


# `basic` keeps what a digit, a letter or a road sign means: no mirror image, nothing cut off by much.
# `strong` is for photographs, where left and right, framing and light do not matter.
RECIPES: dict[str, Recipe | None] = {
    "none": None,
    "basic": Recipe(0.9, 1.12, 0.06, 8, 0.06, 0.0, mirror=False),
    "strong": Recipe(0.6, 1.1, 0.12, 15, 0.15, 0.3, mirror=True),
}


@dataclass(frozen=True)
class Draws:
    """Random numbers for the images `part` of a batch of `total`.

    Every process draws those of the whole batch, so that all generators stay in step and each image is varied as one
    process alone would vary it.
    """

    generator: torch.Generator
    total: int
    part: slice

    def uniform(self, low: float, high: float) -> Tensor:
        """Return one number for each image of our part."""
        return (torch.rand(self.total, generator=self.generator) * (high - low) + low)[self.part]


def augment(
    images: Tensor, recipe: Recipe, generator: torch.Generator, side: int, draws: Draws | None = None
) -> Tensor:
    """Return uint8 variations (B, 3, side, side) of uint8 `images` (B, 3, H, W); edges are filled by mirroring.

    `draws` takes the place of `generator` where the images are part of a batch.
    """
    draws = draws or Draws(generator, len(images), slice(None))
    pixels = images.to(torch.float32)
    windows = _windows(recipe, draws).to(images.device)
    grid = functional.affine_grid(windows, [len(images), 3, side, side], align_corners=False)
    pixels = functional.grid_sample(pixels, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    if recipe.colour:
        pixels = _recolour(pixels, recipe.colour, draws)
    return pixels.clamp_(0, 255).to(torch.uint8)


def shrink(images: Tensor, side: int) -> Tensor:
    """Return uint8 images (B, 3, side, side), smoothed so that fine patterns leave no false ones."""
    return functional.interpolate(images, (side, side), mode="bilinear", antialias=True)


def rand_augment(images: Tensor, magnitude: int) -> Tensor:
    """Return uint8 `images` after two random operations each, of `magnitude` 1..30, drawn from torch's own generator.

    Source: Cubuk et al., RandAugment, 2020.
    """
    from inference import torchvision_ops  # noqa: F401 - must come before torchvision

    from torchvision import transforms  # isort: skip

    vary = transforms.RandAugment(num_ops=2, magnitude=magnitude, fill=[128, 128, 128])
    return torch.stack([vary(image) for image in images])


def _windows(recipe: Recipe, draws: Draws) -> Tensor:
    """Return one affine matrix (2, 3) an image, from output to input coordinates in -1..1."""
    zoom = draws.uniform(recipe.min_zoom, recipe.max_zoom)
    stretch = torch.exp(draws.uniform(-recipe.stretch, recipe.stretch))
    angle = draws.uniform(-1, 1) * math.radians(recipe.turn_degrees)
    mirror = torch.ones_like(zoom)
    if recipe.mirror:
        mirror = torch.where(draws.uniform(0, 1) < 0.5, -1.0, 1.0)
    # A window smaller than the image may also move within the rest of it.
    reach = 2 * recipe.shift + (1 - zoom).clamp(min=0)
    cos, sin = zoom * torch.cos(angle), zoom * torch.sin(angle)
    rows = [
        torch.stack([cos * stretch * mirror, -sin, draws.uniform(-1, 1) * reach], dim=1),
        torch.stack([sin * mirror, cos / stretch, draws.uniform(-1, 1) * reach], dim=1),
    ]
    return torch.stack(rows, dim=1)


def _recolour(pixels: Tensor, amount: float, draws: Draws) -> Tensor:
    def factor() -> Tensor:
        return draws.uniform(1 - amount, 1 + amount).to(pixels.device).view(-1, 1, 1, 1)

    pixels = pixels * factor()
    mean = pixels.mean(dim=(1, 2, 3), keepdim=True)
    pixels = mean + (pixels - mean) * factor()
    grey = pixels.mean(dim=1, keepdim=True)
    return grey + (pixels - grey) * factor()


def training_preprocessing(preprocessing: Preprocessing, recipe_name: str) -> Preprocessing:
    """Return how training images are kept: for `strong` larger and uncropped, so that windows can zoom in."""
    if recipe_name != "strong":
        return preprocessing
    side = round(preprocessing.image_size * 1.25)
    return replace(preprocessing, image_size=side, resize_size=side)
