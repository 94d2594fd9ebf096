"""From one named image to its classes: load it, tell its format, ask the endpoint; several at once for "urls"."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from handlers.prediction import endpoint_client, model_answer, s3_image
from handlers.prediction.call_request import MAX_URLS, PredictRequest, image_bytes
from handlers.prediction.endpoint_client import EndpointRequest
from handlers.prediction.errors import NotAnImageError, OutOfTimeError, PredictionError, UnforeseenError
from handlers.prediction.fetch import fetch
from handlers.prediction.s3_image import Readable
from handlers.prediction.urls import Fetchable

MAX_AT_ENDPOINT = 4  # of one call's images; the rest wait their turn, so that one call cannot fill an instance's queue

_MAGIC = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
)
# What the box "ftyp" that comes first says. Source: ISO/IEC 23008-12 and the AV1 Image File Format.
_BRANDS = {b"avif": "image/avif", b"avis": "image/avif"} | dict.fromkeys(
    (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"), "image/heic"
)


@dataclass(frozen=True)
class Limits:
    """What one call may use; `until` values are on time.monotonic()'s clock."""

    max_image_bytes: int
    fetch_until: float
    until: float
    fetchable: Fetchable
    readable: Readable

    def fetch_seconds(self) -> float:
        """How much time is left to fetch in."""
        return max(0.001, self.fetch_until - time.monotonic())


@dataclass
class Outcome:
    """What became of one image: `answer` or `error`; `split` says where the time went, in milliseconds."""

    answer: dict[str, Any] = field(default_factory=dict)
    error: PredictionError | None = None
    split: dict[str, float] = field(default_factory=dict)
    num_bytes: int = 0
    defect: Exception | None = None  # behind an `error` that nobody foresaw

    @property
    def status(self) -> int:
        """The HTTP status of this image alone."""
        return self.error.status if self.error else 200


@dataclass(frozen=True)
class Classifier:
    """How an image reaches the endpoint."""

    ask: Callable[[EndpointRequest, float], endpoint_client.EndpointAnswer]
    attributes: str
    inference_id: str


def classify_all(request: PredictRequest, limits: Limits, classifier: Classifier) -> list[Outcome]:
    """Return the outcome of each image of the request, in its order; none keeps the others waiting."""
    turns = threading.BoundedSemaphore(MAX_AT_ENDPOINT)
    if len(request.values) == 1:
        return [classify(request, request.values[0], limits, classifier, turns)]
    from concurrent.futures import ThreadPoolExecutor  # with its logging, 4 ms that a single image need not pay

    own = [replace(classifier, inference_id=f"{classifier.inference_id}-{n}") for n in range(len(request.values))]
    with ThreadPoolExecutor(min(len(request.values), MAX_URLS)) as pool:
        return list(pool.map(lambda value, ask: classify(request, value, limits, ask, turns), request.values, own))


def classify(
    request: PredictRequest, value: str, limits: Limits, classifier: Classifier, turns: threading.BoundedSemaphore
) -> Outcome:
    """Return the outcome of one image; whatever can go wrong with it is in there."""
    outcome = Outcome()
    started = time.monotonic()
    try:
        image = load_image(request.source, value, limits)
        outcome.num_bytes = len(image)
        asked = EndpointRequest(image, sniff(image), request.accept, classifier.attributes, classifier.inference_id)
        loaded = time.monotonic()
        outcome.split["fetch"] = (loaded - started) * 1000
        answer = _in_turn(asked, limits, classifier, turns)
        outcome.split["endpoint"] = (time.monotonic() - loaded) * 1000
        outcome.answer, told = model_answer.checked(answer.body, request.logits)
        outcome.split |= model_answer.joined(answer.split, told)
    except PredictionError as error:
        outcome.error = error
    except Exception as error:  # noqa: BLE001  # one image's defect leaves the others their answers
        outcome.error, outcome.defect = UnforeseenError(), error
    return outcome


def load_image(source: str, value: str, limits: Limits) -> bytes:
    """Return the image's bytes, at most as many as the limits allow."""
    if source == "image":
        return image_bytes(value, limits.max_image_bytes)
    if source == "s3_uri":
        return s3_image.read(value, limits.readable, max_bytes=limits.max_image_bytes, until=limits.fetch_until)
    return fetch(
        value,
        max_bytes=limits.max_image_bytes,
        deadline_seconds=limits.fetch_seconds(),
        fetchable=limits.fetchable,
    )


def sniff(image: bytes) -> str:
    """Return the content type that the first bytes tell; what a server calls it is not asked.

    Raises:
        NotAnImageError: it is none of those that are read.
    """
    for magic, content_type in _MAGIC:
        if image.startswith(magic):
            return content_type
    if image[:4] == b"RIFF" and image[8:12] == b"WEBP":
        return "image/webp"
    if image[4:8] == b"ftyp" and (of_brand := _BRANDS.get(bytes(image[8:12]))):
        return of_brand
    raise NotAnImageError("image: neither JPEG, PNG, GIF, WebP, BMP, TIFF, AVIF nor HEIC; convert it first")


def _in_turn(
    asked: EndpointRequest, limits: Limits, classifier: Classifier, turns: threading.BoundedSemaphore
) -> endpoint_client.EndpointAnswer:
    if not turns.acquire(timeout=max(0.0, limits.until - time.monotonic())):
        raise OutOfTimeError("the endpoint was busy with the call's other images; send fewer urls at once")
    try:
        return classifier.ask(asked, limits.until)
    finally:
        turns.release()
