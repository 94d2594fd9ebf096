"""Small image folders with classes that a network tells apart at a glance, and settings for a job of seconds."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from tests.training.pictures import write_splits
from training.config import TrainingConfig, parse_config


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Compute with one thread: where other programs take a core, two that wait for each other are 30 times slower."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _sigterm() -> Iterator[None]:
    """Give SIGTERM back to pytest: a job's main() takes it over."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def image_folder(tmp_path: Path) -> Path:
    """An image folder with train/, valid/ and test/."""
    return write_splits(tmp_path / "photos")


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
