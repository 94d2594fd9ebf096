"""Small image folders with classes that a network tells apart at a glance, and settings for a job of seconds."""

import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from training.config import TrainingConfig, parse_config

COLOURS = {"blue": (30, 40, 200), "green": (40, 190, 50), "red": (200, 30, 40)}


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Compute with one thread: where other programs take a core, two that wait for each other are 30 times slower."""
    torch.set_num_threads(1)


def write_images(folder: Path, count: int, side: int = 24, suffix: str = "jpg") -> None:
    """Write `count` noisy single-coloured pictures of every class; those of two folders differ."""
    noise = np.random.default_rng(zlib.crc32("/".join(folder.parts[-2:]).encode()))
    for class_name, colour in COLOURS.items():
        (folder / class_name).mkdir(parents=True)
        for index in range(count):
            pixels = noise.normal(colour, 25, (side, side, 3)).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / class_name / f"{index}.{suffix}")


@pytest.fixture
def image_folder(tmp_path: Path) -> Path:
    """An image folder with train/, valid/ and test/."""
    for split, count in (("train", 8), ("valid", 4), ("test", 4)):
        write_images(tmp_path / "photos" / split, count)
    return tmp_path / "photos"


@pytest.fixture
def make_config(tmp_path: Path) -> Callable[..., TrainingConfig]:
    """Settings of a tiny job; keyword arguments become flags."""

    def make(**settings: object) -> TrainingConfig:
        defaults: dict[str, object] = {
            "model_name": "resnet18",
            "weights": "none",
            "image_size": 32,
            "epochs": 2,
            "batch_size": 8,
            "model_dir": tmp_path / "model",
            "data": tmp_path / "photos",
            "precision": "fp32",
        }
        flags = [f"--{name}={value}" for name, value in (defaults | settings).items()]
        return parse_config(flags, {})

    return make
