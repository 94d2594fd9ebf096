"""Ask the endpoint, and turn each of its failures into one that a caller can act on."""

import json
import math
import os
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from handlers.prediction.aws_http import Response, Service, TooLateError, TooLongError, UnreachableError
from handlers.prediction.errors import (
    ModelFailedError,
    ModelRefusedError,
    NotPermittedError,
    OutOfTimeError,
    PredictionError,
    TooManyRequestsError,
    UnavailableError,
)

TRIES = 2
MAX_ANSWER_BYTES = 6_000_000  # Source: InvokeEndpoint, size of the response body
_PAUSE_SECONDS = 0.1
_ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
_THROTTLES = frozenset({"ThrottlingException", "Throttling", "TooManyRequestsException", "ModelNotReadyException"})
# Name, content type and size are right by construction, so one meaning is left for these codes.
_MISSING = frozenset({"ValidationError", "ValidationException", "ResourceNotFound"})
_DENIED = frozenset(
    {
        "AccessDeniedException", "AccessDenied", "UnrecognizedClientException", "InvalidClientTokenId",
        "ExpiredToken", "ExpiredTokenException", "InvalidSignatureException", "MissingAuthenticationToken",
        "IncompleteSignature",
    }
)  # fmt: skip
_MAX_MESSAGE = 500
_PARTS = ("queue", "wait", "decode", "model")  # the times that a container may tell; wait: for a busy engine


@dataclass(frozen=True)
class EndpointAnswer:
    """The endpoint's answer, and where its time went as far as the container says; milliseconds."""

    body: bytes
    split: dict[str, float]


@dataclass(frozen=True)
class EndpointRequest:
    """One image for the endpoint; `attributes` reach the container and its logs."""

    image: bytes
    content_type: str
    accept: str
    attributes: str
    inference_id: str

    def headers(self) -> dict[str, str]:
        """Return the headers that InvokeEndpoint takes."""
        return {
            "Content-Type": self.content_type,
            "Accept": self.accept,
            _ATTRIBUTES: self.attributes,
            "X-Amzn-SageMaker-Inference-Id": self.inference_id,
        }


def invoke(runtime: Service, endpoint_name: str, request: EndpointRequest, until: float) -> EndpointAnswer:
    """Return the endpoint's answer, before `until` (time.monotonic()).

    A second try is for what a second try can help and does not make worse: no connection, or a fault of SageMaker's
    own. A throttled, slow or failing endpoint gets each request once, however often its callers repeat themselves.

    Raises:
        PredictionError: the class for what went wrong, with its status.
    """
    for tries_left in reversed(range(TRIES)):
        try:
            return _try(runtime, endpoint_name, request, until)
        except _TransientError as error:
            pause = _PAUSE_SECONDS * (0.5 + os.urandom(1)[0] / 255)  # callers that failed together come back apart
            if not tries_left or time.monotonic() + pause >= until:
                raise error.meaning from error
            time.sleep(pause)
    raise AssertionError(f"{TRIES} tries and none was the last")


class _TransientError(Exception):
    """A failure that another try may get past; `meaning` is what a caller is told if there is none."""

    def __init__(self, meaning: PredictionError) -> None:
        super().__init__(str(meaning))
        self.meaning = meaning


def _try(runtime: Service, endpoint_name: str, request: EndpointRequest, until: float) -> EndpointAnswer:
    path = f"/endpoints/{quote(endpoint_name, safe='')}/invocations"
    try:
        response = runtime.ask("POST", path, request.headers(), request.image, until=until, max_bytes=MAX_ANSWER_BYTES)
    except UnreachableError as error:
        unreachable = UnavailableError(f"endpoint {endpoint_name!r} could not be reached ({error}); try again")
        raise _TransientError(unreachable) from error
    except TooLateError as error:
        raise OutOfTimeError(
            f"endpoint {endpoint_name!r} did not answer in time; try again, or add instances"
        ) from error
    except TooLongError as error:
        raise ModelFailedError("the model's answer is too long; deploy a model trained by this pipeline") from error
    if response.status == 200:
        return EndpointAnswer(response.body, latency_split(response.headers.get(_ATTRIBUTES, "")))
    failure = translated(response, endpoint_name)
    if isinstance(failure, UnavailableError) and response.status >= 500:
        raise _TransientError(failure)
    raise failure


def latency_split(attributes: str) -> dict[str, float]:
    """Return the times in the container's CustomAttributes, such as `queue-ms=1.5; model-ms=20.25`, by their names."""
    pairs = (pair.partition("=") for pair in attributes.replace(",", ";").split(";"))
    named = {name.strip().lower().replace("_", "-"): value for name, _, value in pairs}
    return _times({name.removesuffix("-ms"): value for name, value in named.items() if name.endswith("-ms")})


def joined(server: dict[str, float], model: dict[str, float]) -> dict[str, float]:
    """Return the times that the container's server and its model tell, as one split.

    Waiting for the engine is waiting in the queue, but no more than a part of it: where the server keeps its own part
    to itself, as TorchServe does, the split has no queue.
    """
    times = {**server, **model}
    waited = times.pop("wait", 0.0)
    return {**times, "queue": times["queue"] + waited} if "queue" in times else times


def _times(given: Any) -> dict[str, float]:
    """Return the milliseconds in `given` that are some: what a container says is not taken on trust."""
    times: dict[str, float] = {}
    for name in _PARTS:
        try:
            milliseconds = float(given[name])
        except (KeyError, TypeError, ValueError):
            continue
        if 0 <= milliseconds < 1e7:
            times[name] = milliseconds
    return times


def translated(response: Response, endpoint_name: str) -> PredictionError:
    """Return our error for SageMaker's, by its code."""
    fields = _fields(response.body)
    code = _code(response, fields)
    if code == "ModelError":
        return _model_error(fields, endpoint_name)
    if code in _THROTTLES:
        return TooManyRequestsError(f"endpoint {endpoint_name!r} is at its limit ({code}); try again in a second")
    if code in _MISSING:
        return UnavailableError(
            f"endpoint {endpoint_name!r} does not exist or is not InService; "
            "python deploy.py status shows it, and an upload or a manual execution deploys it again"
        )
    if code in _DENIED:
        return NotPermittedError(f"endpoint {endpoint_name!r} may not be invoked ({code}); see the PredictRole policy")
    unavailable = UnavailableError(f"endpoint {endpoint_name!r} answered {code}; try again")
    unavailable.retry_after_seconds = 1
    return unavailable


def _fields(body: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _code(response: Response, fields: dict[str, Any]) -> str:
    """Return AWS's error code, which comes in a header or in the body, with a namespace or a URL about it."""
    said = response.headers.get("x-amzn-ErrorType") or str(fields.get("code") or fields.get("__type") or "")
    return said.partition(":")[0].rpartition("#")[2] or str(response.status)


def _model_error(fields: dict[str, Any], endpoint_name: str) -> PredictionError:
    """A 4xx of the model is about the image; 429 and 503 mean that its workers are all busy."""
    status = _status(fields.get("OriginalStatusCode", 500))
    if status in (429, 503):
        return TooManyRequestsError(f"endpoint {endpoint_name!r} is at its limit; try again in a second")
    if 400 <= status < 500:
        said = _sentence(str(fields.get("OriginalMessage", "")))
        return ModelRefusedError(f"the model refused the image: {said}", status)
    return ModelFailedError(
        f"the model on endpoint {endpoint_name!r} failed with {status}; see /aws/sagemaker/Endpoints/{endpoint_name}"
    )


def _status(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 500


def _sentence(message: str) -> str:
    """Return the model's words on one line; the serving container may wrap them in JSON."""
    fields = _fields(message.encode("utf-8", "replace"))
    message = str(fields.get("message") or fields.get("error") or message)
    return " ".join(message.split())[:_MAX_MESSAGE] or "no reason given"


def checked(answer: bytes, logits: bool) -> tuple[dict[str, Any], dict[str, float]]:
    """Return {"predictions", "model"} or {"logits"}, once the answer has the form that was asked for, and its times.

    Raises:
        ModelFailedError: it has another.
    """
    try:
        parsed = json.loads(answer)
    except (ValueError, RecursionError) as error:
        raise ModelFailedError("the model's answer is not JSON; deploy a model trained by this pipeline") from error
    if logits and _is_logits(parsed):
        return {"logits": parsed}, {}
    if not logits and isinstance(parsed, dict) and isinstance(parsed.get("predictions"), list):
        return {"predictions": parsed["predictions"], "model": parsed.get("model")}, _times(parsed.get("latency_ms"))
    raise ModelFailedError("the model's answer has another form; deploy a model trained by this pipeline")


def _is_logits(parsed: Any) -> bool:
    return (
        isinstance(parsed, list)
        and bool(parsed)
        and all(isinstance(row, list) and all(_is_number(value) for value in row) for row in parsed)
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
