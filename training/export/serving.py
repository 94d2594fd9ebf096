"""What an endpoint serves: an ONNX graph in int8 where that answers as the trained network does, else in fp32.

The decision is made here, once, on the validation split, and recorded under "serving" in model.json and
evaluation.json. Without the packages of training/requirements.txt the artifact is served with torch, as recorded too.
"""

import logging
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inference.decoding import Pixels
from inference.predictors import FP32_FILE, INT8_FILE, OpenVinoPredictor
from inference.preprocessing import Preprocessing
from training.data.calibration import calibration_images, evenly_spread
from training.data.splits import Datasets, Split
from training.export.metrics import accuracy_interval
from training.model.trained import TrainedModel
from training.packages import missing_packages, missing_remedy
from training.shortages import shortage

MIN_TOP1_AGREEMENT = 0.98
MIN_TRUE_AGREEMENT = 0.93  # by the lower end of the 95 % interval: 18 of 18 images that agree prove too little
MAX_ACCURACY_LOSS = 0.005
COMPARED_IMAGES = 2048  # of the validation split, at most; more would take minutes and not change the decision
_ERROR_CHARACTERS = 120
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


def export_serving(trained: TrainedModel, datasets: Datasets | None, folder: Path) -> Serving:
    """Write the graphs of `trained` to `folder` and return how to serve them; int8 needs images to calibrate on."""
    missing = missing_packages()
    if missing:
        return Serving("torch", "fp32", f"without {', '.join(missing)} no graph can be written; {missing_remedy()}")
    from training.export.onnx_graph import export_onnx, keep_weights_beside

    try:
        export_onnx(trained.network, trained.preprocessing, folder / FP32_FILE)
    except Exception as error:  # noqa: BLE001 - the exporter raises anything on what it does not know
        _end_without_room(error, folder)
        logger.exception("the network could not be exported to ONNX")
        return Serving("torch", "fp32", f"the network cannot be exported to ONNX: {_in_a_line(error)}")
    if datasets is None:
        serving = Serving("openvino", "fp32", "int8 was not tried: no images to calibrate it on", FP32_FILE)
    else:
        serving = _int8_or_fp32(trained.preprocessing, datasets, folder)
    keep_weights_beside(folder / str(serving.file))
    return serving


def served_logits(serving: Serving, preprocessing: Preprocessing, split: Split, folder: Path) -> Tensor | None:
    """Return the logits (N, num_classes) of `split` as an endpoint answers; None where it answers with torch."""
    if serving.file is None:
        return None
    side = preprocessing.image_size
    predictor = OpenVinoPredictor(folder / serving.file, serving.precision, side, torch.get_num_threads())
    batches = (images for images, _ in split.batches(64, torch.arange(len(split))))
    return torch.from_numpy(np.concatenate([_all_logits(predictor, _pixels(images)) for images in batches]))


def accept_int8(fp32: NDArray[np.float32], int8: NDArray[np.float32], labels: NDArray[np.int64]) -> Serving:
    """Decide by the logits (N, num_classes) of both on the same images, and their class indices (N,)."""
    agreement = float((fp32.argmax(axis=1) == int8.argmax(axis=1)).mean())
    loss = float((fp32.argmax(axis=1) == labels).mean() - (int8.argmax(axis=1) == labels).mean())
    seen = f"{agreement:.1%} of {len(labels)} validation images"
    verdict = f"int8 agrees with fp32 on {seen} and loses {100 * loss:.2f} points"
    if agreement < MIN_TOP1_AGREEMENT or loss > MAX_ACCURACY_LOSS:
        limits = f"at least {MIN_TOP1_AGREEMENT:.0%} and at most {100 * MAX_ACCURACY_LOSS:.1f} points are asked for"
        return Serving("openvino", "fp32", f"{verdict}; {limits}", FP32_FILE, agreement, loss, len(labels))
    lowest, _ = accuracy_interval(round(agreement * len(labels)), len(labels))
    if lowest < MIN_TRUE_AGREEMENT:
        doubt = f"so few images allow {lowest:.1%}, and at least {MIN_TRUE_AGREEMENT:.0%} is asked for"
        return Serving("openvino", "fp32", f"{verdict}; {doubt}", FP32_FILE, agreement, loss, len(labels))
    return Serving("openvino", "int8", verdict, INT8_FILE, agreement, loss, len(labels))


def _int8_or_fp32(preprocessing: Preprocessing, datasets: Datasets, folder: Path) -> Serving:
    from training.export.quantization import quantise

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
        _end_without_room(error, folder)
        logger.exception("the network could not be brought to int8")
        (folder / INT8_FILE).unlink(missing_ok=True)
        return Serving("openvino", "fp32", f"int8 failed: {_in_a_line(error)}", FP32_FILE)
    serving = accept_int8(fp32, int8, labels)
    if serving.precision != "int8":
        (folder / INT8_FILE).unlink()
    return serving


def _in_a_line(error: Exception) -> str:
    """Return an error as a person reads it in a sentence; the log has all of it, and where in the engine it was."""
    lines = [line.strip() for line in str(error).splitlines() if not line.startswith("Exception from ")]
    first = next(filter(None, lines), "")
    return f"{type(error).__name__}: {first[:_ERROR_CHARACTERS].rstrip('.')}"


def _end_without_room(error: Exception, folder: Path) -> None:
    """Raise `error` where the disk is full: a job that has no room fails, and does not serve worse in silence."""
    if shortage(error, [folder]):
        raise error


def _compared(split: Split) -> tuple[list[Pixels], NDArray[np.int64]]:
    indices = torch.from_numpy(evenly_spread(len(split), COMPARED_IMAGES))
    pixels = [image for batch, _ in split.batches(64, indices) for image in _pixels(batch)]
    return pixels, split.labels[indices].numpy()


def _pixels(images: Tensor) -> list[Pixels]:
    return [image.permute(1, 2, 0).contiguous().numpy() for image in images]


def _all_logits(predictor: OpenVinoPredictor, pixels: list[Pixels]) -> NDArray[np.float32]:
    return np.concatenate([predictor.predict(image).logits for image in pixels])
