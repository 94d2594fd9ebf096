"""A model artifact with random weights, as a training job writes it."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from inference.model import ModelSpec, build_model
from inference.preprocessing import Preprocessing
from training.config import TrainingConfig, parse_config
from training.export.artifact import save_model
from training.model.trained import TrainedModel

CLASS_NAMES = ["daisy", "rose", "tulip", "Gänseblümchen"]


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Compute with one thread: where other programs take a core, two that wait for each other are 30 times slower."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def config(tmp_path_factory: pytest.TempPathFactory) -> TrainingConfig:
    """The settings of the job that wrote the artifact."""
    folder = tmp_path_factory.mktemp("job")
    flags = ["--data", str(folder), "--model-dir", str(folder / "model"), "--training-job-name", "flowers-7"]
    return parse_config([*flags, "--model-name", "resnet18", "--image-size", "40"], {})


@pytest.fixture(scope="session")
def trained(config: TrainingConfig) -> TrainedModel:
    """The network as training left it in memory."""
    torch.manual_seed(0)
    spec = ModelSpec(config.model_name, len(CLASS_NAMES), dropout=0.2)
    network = build_model(spec)
    with torch.no_grad():
        network.get_submodule("fc")[1].weight.mul_(20)  # type: ignore[index]  # clear-cut answers
    return TrainedModel(network.eval(), spec, Preprocessing.for_image_size(config.image_size), CLASS_NAMES)


@pytest.fixture(scope="session")
def model_dir(config: TrainingConfig, trained: TrainedModel) -> Path:
    """The folder that SageMaker packs into model.tar.gz and unpacks on an endpoint instance."""
    save_model(trained, config)
    return config.model_dir


@pytest.fixture(scope="session")
def photo() -> bytes:
    """A JPEG file, wider than high."""
    x, y = np.meshgrid(np.linspace(0, 6, 320), np.linspace(0, 4, 240))
    pixels = 127 + 120 * np.stack([np.sin(x), np.cos(y), np.sin(x * y)], axis=-1)
    buffer = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()
