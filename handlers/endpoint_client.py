"""Ask the endpoint, and turn each of its failures into one that a caller can act on."""

import json
import math
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, ReadTimeoutError

from handlers.predict_errors import (
    ModelFailedError,
    ModelRefusedError,
    NotPermittedError,
    OutOfTimeError,
    PredictionError,
    TooManyRequestsError,
    UnavailableError,
)

if TYPE_CHECKING:
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient

_THROTTLES = frozenset({"ThrottlingException", "Throttling", "TooManyRequestsException", "ModelNotReadyException"})
# Name, content type and size are right by construction, so one meaning is left for these codes.
_MISSING = frozenset({"ValidationError", "ValidationException", "ResourceNotFound"})
_DENIED = frozenset({"AccessDeniedException", "AccessDenied", "UnrecognizedClientException", "InvalidClientTokenId"})
_MAX_MESSAGE = 500


def invoke(
    runtime: "SageMakerRuntimeClient", endpoint_name: str, image: bytes, content_type: str, accept: str
) -> bytes:
    """Return the endpoint's answer.

    Raises:
        PredictionError: the class for what went wrong, with its status.
    """
    try:
        answer = runtime.invoke_endpoint(
            EndpointName=endpoint_name, Body=image, ContentType=content_type, Accept=accept
        )
        return answer["Body"].read()
    except ClientError as error:
        raise translated(error, endpoint_name) from error
    except (ReadTimeoutError, ConnectTimeoutError) as error:
        raise OutOfTimeError(
            f"endpoint {endpoint_name!r} did not answer in time; try again, or add instances"
        ) from error
    except (BotoCoreError, OSError) as error:
        raise UnavailableError(
            f"endpoint {endpoint_name!r} could not be reached ({type(error).__name__}); try again"
        ) from error


def translated(error: ClientError, endpoint_name: str) -> PredictionError:
    """Return our error for SageMaker's, by its code."""
    code = error.response.get("Error", {}).get("Code", "Unknown")
    if code == "ModelError":
        return _model_error(error.response, endpoint_name)
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


def _model_error(response: Any, endpoint_name: str) -> PredictionError:
    """A 4xx of the model is about the image; 429 and 503 mean that its workers are all busy."""
    status = int(response.get("OriginalStatusCode", 500))
    if status in (429, 503):
        return TooManyRequestsError(f"endpoint {endpoint_name!r} is at its limit; try again in a second")
    if 400 <= status < 500:
        said = _sentence(str(response.get("OriginalMessage", "")))
        return ModelRefusedError(f"the model refused the image: {said}", status)
    return ModelFailedError(
        f"the model on endpoint {endpoint_name!r} failed with {status}; see /aws/sagemaker/Endpoints/{endpoint_name}"
    )


def _sentence(message: str) -> str:
    """Return the model's words on one line; the serving container may wrap them in JSON."""
    try:
        parsed = json.loads(message)
    except ValueError:
        parsed = None
    if isinstance(parsed, dict):
        message = str(parsed.get("message") or parsed.get("error") or message)
    return " ".join(message.split())[:_MAX_MESSAGE] or "no reason given"


def checked(answer: bytes, logits: bool, request_id: str) -> Any:
    """Return the body for the caller, once the answer has the form that was asked for.

    Raises:
        ModelFailedError: it has another.
    """
    try:
        parsed = json.loads(answer)
    except (ValueError, RecursionError) as error:
        raise ModelFailedError("the model's answer is not JSON; deploy a model trained by this pipeline") from error
    if logits and _is_logits(parsed):
        return parsed
    if not logits and isinstance(parsed, dict) and isinstance(parsed.get("predictions"), list):
        return {"predictions": parsed["predictions"], "model": parsed.get("model"), "request_id": request_id}
    raise ModelFailedError("the model's answer has another form; deploy a model trained by this pipeline")


def _is_logits(parsed: Any) -> bool:
    return (
        isinstance(parsed, list)
        and bool(parsed)
        and all(isinstance(row, list) and all(_is_number(value) for value in row) for row in parsed)
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
