"""What an endpoint serves: an ONNX graph in int8 where that answers as the trained network does, else in fp32.

The decision is made here, once, on the validation split, and recorded under "serving" in model.json and
evaluation.json. Without the packages of training/requirements.txt the artifact is served with torch, as recorded too.
"""

import importlib
import logging
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from inference.decoding import ImageError, Pixels, decode_pixels
from inference.predictors import FP32_FILE, INT8_FILE, OpenVinoPredictor
from inference.preprocessing import Preprocessing

if TYPE_CHECKING:
    from training.data import Datasets, Split
    from training.listing import Sample
    from training.model.trained import TrainedModel

MIN_TOP1_AGREEMENT = 0.98
MAX_ACCURACY_LOSS = 0.005
CALIBRATION_IMAGES = 128
COMPARED_IMAGES = 2048  # of the validation split, at most; more would take minutes and not change the decision
_PACKAGES = ("onnx", "openvino")
_PIP_SECONDS = 300
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Serving:
    """How the artifact is to be served on a CPU, and why."""

    engine: str  # openvino, or torch where no graph could be written
    precision: str  # int8 or fp32
    reason: str
    file: str | None = None
    top1_agreement: float | None = None  # of int8 with fp32, 0..1
    accuracy_loss: float | None = None  # top-1 of fp32 less that of int8, as a fraction; negative: int8 is better
    num_images: int = 0  # of the validation split that the two numbers come from

    def to_dict(self) -> dict[str, object]:
        """Return JSON-ready fields."""
        return asdict(self)


def export_serving(trained: "TrainedModel", datasets: "Datasets | None", folder: Path) -> Serving:
    """Write the graphs of `trained` to `folder` and return how to serve them; int8 needs images to calibrate on."""
    missing = missing_packages()
    if missing:
        return Serving("torch", "fp32", f"without {', '.join(missing)} no graph can be written; {missing_remedy()}")
    from training.onnx_export import export_onnx

    try:
        export_onnx(trained.network, trained.preprocessing, folder / FP32_FILE)
    except Exception as error:  # noqa: BLE001 - the exporter raises anything on what it does not know
        logger.exception("the network could not be exported to ONNX")
        return Serving("torch", "fp32", f"the network cannot be exported to ONNX: {type(error).__name__}: {error}")
    if datasets is None:
        return Serving("openvino", "fp32", "int8 was not tried: no images to calibrate it on", FP32_FILE)
    return _int8_or_fp32(trained.preprocessing, datasets, folder)


def missing_packages() -> list[str]:
    """Return the packages that are not installed, after one attempt to install them in a SageMaker training job."""
    missing = _not_importable()
    if missing and os.environ.get("SM_MODEL_DIR"):
        # Not by a requirements.txt of the job, which would be installed in every tuning job too.
        requirements = Path(__file__).with_name("requirements.txt")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "-r", str(requirements)]
        try:
            subprocess.run(command, check=True, timeout=_PIP_SECONDS, stdin=subprocess.DEVNULL)
        except (subprocess.SubprocessError, OSError) as error:
            logger.warning("%s could not be installed: %s", requirements.name, error)
        importlib.invalidate_caches()
        missing = _not_importable()
    return missing


def missing_remedy() -> str:
    """Return what a person can do about packages that are missing."""
    return "install training/requirements.txt, or let the training job reach a package index"


def accept_int8(fp32: NDArray[np.float32], int8: NDArray[np.float32], labels: NDArray[np.int64]) -> Serving:
    """Decide by the logits (N, num_classes) of both on the same images, and their class indices (N,)."""
    agreement = float((fp32.argmax(axis=1) == int8.argmax(axis=1)).mean())
    loss = float((fp32.argmax(axis=1) == labels).mean() - (int8.argmax(axis=1) == labels).mean())
    seen = f"{agreement:.1%} of {len(labels)} validation images"
    found = f"int8 agrees with fp32 on {seen} and loses {100 * loss:.2f} points"
    if agreement >= MIN_TOP1_AGREEMENT and loss <= MAX_ACCURACY_LOSS:
        return Serving("openvino", "int8", found, INT8_FILE, agreement, loss, len(labels))
    limits = f"at least {MIN_TOP1_AGREEMENT:.0%} and at most {100 * MAX_ACCURACY_LOSS:.1f} points are asked for"
    return Serving("openvino", "fp32", f"{found}; {limits}", FP32_FILE, agreement, loss, len(labels))


def _int8_or_fp32(preprocessing: Preprocessing, datasets: "Datasets", folder: Path) -> Serving:
    from training.quantization import quantise

    num_threads = torch.get_num_threads()
    images = datasets.calibration
    if images is None:
        images = calibration_images(datasets.train.samples, preprocessing)
    try:
        quantise(folder / FP32_FILE, folder / INT8_FILE, images, num_threads)
        pixels, labels = _compared(datasets.validation)
        fp32, int8 = (
            _all_logits(OpenVinoPredictor(folder / file, name, preprocessing.image_size, num_threads), pixels)
            for file, name in ((FP32_FILE, "fp32"), (INT8_FILE, "int8"))
        )
    except Exception as error:  # noqa: BLE001 - a graph that the engine cannot take; fp32 serves all the same
        logger.exception("the network could not be brought to int8")
        (folder / INT8_FILE).unlink(missing_ok=True)
        return Serving("openvino", "fp32", f"int8 failed: {type(error).__name__}: {error}", FP32_FILE)
    serving = accept_int8(fp32, int8, labels)
    if serving.precision != "int8":
        (folder / INT8_FILE).unlink()
    return serving


def calibration_images(samples: "Sequence[Sample]", preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """Return up to 128 training images (N, H, W, 3), evenly spread over the classes, as they are seen when served."""
    chosen = [samples[index] for index in _evenly(len(samples), CALIBRATION_IMAGES)]
    pictures = []
    for sample in chosen:
        try:
            pictures.append(decode_pixels(sample.path.read_bytes(), preprocessing))
        except (ImageError, OSError) as error:
            logger.warning("%r is left out of the calibration: %s", sample.relative_path, error)
    return np.stack(pictures)


def _compared(split: "Split") -> tuple[list[Pixels], NDArray[np.int64]]:
    indices = torch.from_numpy(_evenly(len(split), COMPARED_IMAGES))
    pixels = [image.permute(1, 2, 0).contiguous().numpy() for batch, _ in split.batches(64, indices) for image in batch]
    return pixels, split.labels[indices].numpy()


def _all_logits(predictor: OpenVinoPredictor, pixels: list[Pixels]) -> NDArray[np.float32]:
    return np.concatenate([predictor.predict(image).logits for image in pixels])


def _evenly(total: int, limit: int) -> NDArray[np.int64]:
    """Return up to `limit` indices below `total`, evenly spread."""
    return np.unique(np.linspace(0, total - 1, min(total, limit)).round().astype(np.int64))


def _not_importable() -> list[str]:
    missing = []
    for name in _PACKAGES:
        try:
            importlib.import_module(name)
        except ImportError:
            missing.append(name)
    return missing
