"""Pictures to measure with where no folder of photographs is named: made once, always the same, under build/bench.

They are as large and as many as the photographs of flowers that docs/experiments.md measured: 60 to train and 20 to
test on in each of 12 classes. A class is a colour and a number of petals, so that a network learns something;
accuracies on them say nothing about photographs, times do.
"""

from __future__ import annotations

import colorsys
import sys
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "build" / "bench" / "made-photographs"
SPLITS = {"train": 60, "test": 20}
NUM_CLASSES = 12
WIDTH, HEIGHT = 500, 375
QUALITY = 90


def made() -> Path:
    """Return the folder of the pictures, train/CLASS/*.jpg and test/CLASS/*.jpg, after making them if need be."""
    if FOLDER.exists():
        return FOLDER
    print(f"making {NUM_CLASSES * sum(SPLITS.values())} pictures, once; --photos DIR takes your own", file=sys.stderr)
    unfinished = FOLDER.with_suffix(".partial")
    for split, count in SPLITS.items():
        for index in range(NUM_CLASSES):
            folder = unfinished / split / f"class-{index:02}"
            folder.mkdir(parents=True, exist_ok=True)
            for number in range(count):
                pixels = picture(index, seed=(list(SPLITS).index(split), index, number))
                Image.fromarray(pixels).save(folder / f"{number:03}.jpg", quality=QUALITY)
    return unfinished.rename(FOLDER)


def picture(index: int, seed: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return a flower of class `index` on a background of blurred and of fine noise: (HEIGHT, WIDTH, 3)."""
    generator = np.random.default_rng(seed)
    coarse = generator.uniform(40, 200, (6, 8, 3)).astype(np.uint8)
    background: NDArray[np.float32] = np.asarray(
        Image.fromarray(coarse).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC), dtype=np.float32
    )
    hue = (index / NUM_CLASSES + generator.normal(0, 0.02)) % 1
    colour = 255 * np.array(colorsys.hsv_to_rgb(hue, 0.8, generator.uniform(0.6, 1)))
    inside = flower(3 + index % 6, generator)[..., None]
    shaded = inside * colour * generator.uniform(0.7, 1) + (1 - inside) * background
    pixels: NDArray[np.uint8] = np.clip(
        shaded + np.roll(_grain(), int(generator.integers(WIDTH)), axis=1), 0, 255
    ).astype(np.uint8)
    return pixels


@cache
def _grain() -> NDArray[np.float32]:
    """Return the fine noise of all pictures; each shows it moved: making it anew would take most of the time."""
    return np.random.default_rng(0).normal(0, 9, (HEIGHT, WIDTH, 3)).astype(np.float32)


def flower(num_petals: int, generator: np.random.Generator) -> NDArray[np.float64]:
    """Return how much of each pixel is petal, 0..1: (HEIGHT, WIDTH)."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    down = rows - HEIGHT * generator.uniform(0.35, 0.65)
    right = columns - WIDTH * generator.uniform(0.35, 0.65)
    reach = HEIGHT * generator.uniform(0.25, 0.45)
    wave = np.cos(num_petals * np.arctan2(down, right) + generator.uniform(0, 6.28))
    edge = reach * (0.65 + 0.35 * wave) - np.hypot(down, right)
    petal: NDArray[np.float64] = np.clip(edge / 6 + 0.5, 0, 1)
    return petal
