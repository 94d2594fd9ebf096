"""Answer image classification requests: what SageMaker's PyTorch serving container calls for every request.

The model artifact holds the folder of this file as code/, which training imports too, so an image is prepared for the
network exactly as it was at evaluation. predictors.py says which engine answers.

Request, by its content type:
    image/jpeg, image/png, image/gif, image/webp, image/bmp,
    image/tiff, image/avif, image/heic, application/x-image    the bytes of the file
    application/json                                           {"image": "<the same in base64>"}
Answer, by its Accept header:
    application/json                   every class, best first: {"predictions": [...], "model": {}, "latency_ms": {}}
    application/json;top_k=3           the three best classes
    application/json;return=logits     [[...]], one row, one number a class
"""

import base64
import binascii
import json
import logging
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

if __name__ == "inference":  # the container imports code/inference.py by its own name: its neighbours belong to it
    __path__ = [str(Path(__file__).parent)]

from inference.decoding import ImageError, decode_pixels
from inference.errors import NoAnswerError, RequestError
from inference.golden import Engine, GoldenError, check_golden
from inference.predictors import Predictor, load_predictor, warm_up
from inference.preprocessing import Preprocessing
from inference.toolkit import answer_failures_in_one_sentence, end_model_server

logger = logging.getLogger(__name__)
IMAGE_TYPES = (
    *(f"image/{kind}" for kind in ("jpeg", "jpg", "png", "gif", "webp", "bmp", "tiff", "avif", "heic", "heif")),
    "application/x-image",
)
JSON_TYPE = "application/json"


@dataclass(frozen=True)
class Classifier:
    """A loaded model artifact."""

    predictor: Predictor
    preprocessing: Preprocessing
    class_names: list[str]
    model_name: str
    training_job_name: str


@dataclass(frozen=True)
class ClassPrediction:
    """One class and how likely the image shows it."""

    class_name: str
    class_index: int
    probability: float


@dataclass(frozen=True)
class Prediction:
    """The logits (1, num_classes) of one image and the classifier they came from."""

    logits: NDArray[np.float32]
    classifier: Classifier
    latency_ms: dict[str, float] = field(default_factory=dict)  # by part: decode, wait (for the engine), model

    def top_k(self, count: int) -> list[ClassPrediction]:
        """Return the `count` most probable classes, best first."""
        logits = self.logits[0].astype(np.float64)
        shares = np.exp(logits - logits.max())
        probabilities = shares / shares.sum()
        names = self.classifier.class_names
        best = np.argsort(-probabilities, kind="stable")[:count].tolist()
        return [ClassPrediction(names[index], index, float(probabilities[index])) for index in best]


@dataclass(frozen=True)
class AnswerFormat:
    """What the caller asked for in the Accept header."""

    top_k: int | None  # None: all classes
    logits: bool


def model_fn(model_dir: str) -> Classifier:
    """Load the artifact in `model_dir`, check its answers and warm it up: the first request is as fast as the next.

    Raises:
        GoldenError: what it answers here is not what the trained network answered.
    """
    answer_failures_in_one_sentence()
    folder = Path(model_dir)
    classifier = load_classifier(folder)
    if not _repeats_training(folder, classifier):
        warm_up(classifier.predictor, classifier.preprocessing.image_size)
    logger.info("serving with %s, %d threads", _engine(classifier), thread_count())
    return classifier


def load_classifier(folder: Path) -> Classifier:
    """Load the artifact in `folder` as it answers on this machine, unchecked: training makes golden pictures by it."""
    description = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    return Classifier(
        load_predictor(folder, description, thread_count()),
        Preprocessing.from_dict(description["preprocessing"]),
        description["class_names"],
        description["model_name"],
        description["training_job_name"],
    )


def _engine(classifier: Classifier) -> Engine:
    return Engine(classifier.predictor.engine, classifier.predictor.precision)


def _repeats_training(folder: Path, classifier: Classifier) -> bool:
    """Ask the golden pictures, which warm the engine up too; False if there are none."""
    try:
        return check_golden(
            folder, classifier.class_names, _engine(classifier), lambda data: predict_fn(data, classifier).logits
        )
    except GoldenError as error:
        logger.error("%s", error)  # noqa: TRY400 - one line, which says all
        end_model_server()
        raise


def input_fn(body: bytes | bytearray | str, content_type: str | None) -> bytes:
    """Return the bytes of the image file in the request.

    Raises:
        RequestError: a content type that is not served (415), or JSON without a base64 "image" (400).
    """
    kind = (content_type or "").partition(";")[0].strip().lower()
    if kind in IMAGE_TYPES:
        return body.encode("latin-1") if isinstance(body, str) else bytes(body)
    if kind == JSON_TYPE:
        return _image_in_json(body)
    raise RequestError(415, f"content type {content_type!r} is not served; use {JSON_TYPE} or {', '.join(IMAGE_TYPES)}")


def predict_fn(data: bytes, model: Classifier) -> Prediction:
    """Classify one image file.

    Raises:
        RequestError: the bytes are no image that can be read (400).
        NoAnswerError: the network's numbers are not finite (500).
    """
    started = time.perf_counter()
    try:
        pixels = decode_pixels(data, model.preprocessing)
    except ImageError as error:
        raise RequestError(400, str(error)) from error
    decoded = time.perf_counter()
    logits, waited = model.predictor.predict(pixels)
    computed = time.perf_counter() - decoded - waited
    if not np.isfinite(logits).all():
        raise NoAnswerError
    seconds = {"decode": decoded - started, "wait": waited, "model": computed}
    return Prediction(logits, model, {part: value * 1000 for part, value in seconds.items()})


def output_fn(prediction: Prediction, accept: str | None) -> tuple[str, str]:
    """Return the JSON answer and its content type, without the parameters of the Accept header.

    Raises:
        RequestError: the Accept header asks for something else (400).
    """
    wanted = parse_accept(accept)
    if wanted.logits:
        return json.dumps(prediction.logits.tolist(), allow_nan=False), JSON_TYPE
    classifier = prediction.classifier
    best = prediction.top_k(wanted.top_k or len(classifier.class_names))
    answer = {
        "predictions": [vars(item) for item in best],
        "model": {"model_name": classifier.model_name, "training_job_name": classifier.training_job_name},
        "latency_ms": {part: round(value, 2) for part, value in prediction.latency_ms.items()},
    }
    return json.dumps(answer, ensure_ascii=False, allow_nan=False), JSON_TYPE


def parse_accept(accept: str | None) -> AnswerFormat:
    """Read `application/json;top_k=3;return=logits`; several ranges, as browsers send, are searched for one served."""
    for media_range in (accept or JSON_TYPE).split(","):
        kind, *parameters = (part.strip() for part in media_range.split(";"))
        if kind.lower() in (JSON_TYPE, "application/*", "*/*", ""):
            return _answer_format(dict(_parameter(text) for text in parameters if text))
    raise RequestError(400, f"accept {accept!r} is not served; use {JSON_TYPE}")


def thread_count() -> int:
    """Return how many threads one worker process computes with.

    OMP_NUM_THREADS decides where it is set. Otherwise the cores are shared out among the workers, one a core unless
    SAGEMAKER_MODEL_SERVER_WORKERS says how many TorchServe starts: more threads than cores make every request slower.
    """
    if os.environ.get("OMP_NUM_THREADS", "").isdigit():
        return max(1, int(os.environ["OMP_NUM_THREADS"]))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    workers = os.environ.get("SAGEMAKER_MODEL_SERVER_WORKERS", "")
    return max(1, cores // int(workers)) if workers.isdigit() and int(workers) else 1


def _answer_format(parameters: dict[str, str]) -> AnswerFormat:
    count = parameters.get("top_k")
    if count is not None and not (count.isascii() and count.isdigit() and int(count[:9]) >= 1):
        raise RequestError(400, f"top_k={count!r} is not a number of classes; use 1 or more")
    returns = parameters.get("return", "predictions")
    if returns not in ("predictions", "logits"):
        raise RequestError(400, f"return={returns!r} is not known; use 'logits' or leave it out")
    return AnswerFormat(None if count is None else int(count[:9]), returns == "logits")


def _parameter(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name.strip().lower(), value.strip().strip('"')


def _image_in_json(body: bytes | bytearray | str) -> bytes:
    try:
        request: Any = json.loads(body, parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise RequestError(400, "the body is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise RequestError(400, f"the body is not JSON: {error.msg} at character {error.pos}") from error
    except (ValueError, RecursionError) as error:
        raise RequestError(400, "the body is not JSON that can be read") from error
    text = request.get("image") if isinstance(request, dict) else None
    if not isinstance(text, str):
        raise RequestError(400, 'the JSON body has no "image"; use {"image": "<the file in base64>"}')
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (ValueError, binascii.Error) as error:
        raise RequestError(400, '"image" is not base64') from error


def _refuse_constant(name: str) -> Any:
    """NaN and infinity are Python's, not JSON's."""
    raise ValueError(name)
