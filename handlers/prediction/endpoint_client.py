"""Ask the endpoint, as often as that can help and within a time that is never exceeded."""

import os
import time
from dataclasses import dataclass
from urllib.parse import quote

from handlers.prediction.aws_http import Service, TooLateError, TooLongError, UnreachableError, service_url
from handlers.prediction.endpoint_failures import translated
from handlers.prediction.errors import ModelFailedError, OutOfTimeError, PredictionError, UnavailableError
from handlers.prediction.model_answer import latency_split

TRIES = 2
CONNECT_SECONDS = 1
MAX_ANSWER_BYTES = 6_000_000  # Source: InvokeEndpoint, size of the response body
_PAUSE_SECONDS = 0.1
_ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"


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


def service(read_seconds: float) -> Service:
    """Return the host of the region's endpoints."""
    region = os.environ.get("AWS_REGION", "us-east-1")
    url = service_url("SAGEMAKER_RUNTIME", "runtime.sagemaker", region)
    return Service(url, "sagemaker", region, CONNECT_SECONDS, read_seconds)


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
