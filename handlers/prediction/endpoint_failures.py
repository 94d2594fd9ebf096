"""Each failure of the endpoint as one that a caller can act on, in words of ours alone.

The serving toolkit puts a traceback with paths and the picture's first bytes into its answers, of every status: what a
container says is neither answered nor logged here. It stands in the endpoint's own log, under the call's id.
"""

import re
from typing import Any

from handlers.contract import strict_json
from handlers.prediction.aws_http import Response
from handlers.prediction.errors import (
    ModelFailedError,
    ModelRefusedError,
    NotPermittedError,
    PredictionError,
    TooManyRequestsError,
    UnavailableError,
)

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
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9.]{0,63}")
# By the container's status: what it means for the picture, and what to do.
_REFUSALS = {
    400: "the model cannot read the image; send a JPEG, PNG, GIF or WebP file that a viewer opens",
    413: "the image is too large for the model; send it smaller",
    415: "the model does not take this kind of image; send it as JPEG, PNG, GIF or WebP",
    422: "the model cannot use the image; send another",
}


def translated(response: Response, endpoint_name: str) -> PredictionError:
    """Return our error for SageMaker's, by its code."""
    fields = _fields(response.body)
    code = _code(response, fields)
    if code == "ModelError":
        return _model_error(_status(fields.get("OriginalStatusCode")), endpoint_name)
    if code in _THROTTLES:
        return TooManyRequestsError(f"endpoint {endpoint_name!r} is at its limit ({code}); try again in a second")
    if code in _MISSING:
        missing = UnavailableError(
            f"endpoint {endpoint_name!r} does not exist or is not InService; "
            "python deploy.py status shows it, and an upload or a manual execution deploys it again"
        )
        missing.is_missing = True
        return missing
    if code in _DENIED:
        return NotPermittedError(f"endpoint {endpoint_name!r} may not be invoked ({code}); see the PredictRole policy")
    unavailable = UnavailableError(f"endpoint {endpoint_name!r} answered {code}; try again")
    unavailable.retry_after_seconds = 1
    return unavailable


def _fields(body: bytes) -> dict[str, Any]:
    try:
        parsed = strict_json.parse(body)
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _code(response: Response, fields: dict[str, Any]) -> str:
    """Return AWS's error code, which comes in a header or in the body, with a namespace or a URL about it."""
    given = response.headers.get("x-amzn-ErrorType") or str(fields.get("code") or fields.get("__type") or "")
    code = given.partition(":")[0].rpartition("#")[2]
    return code if _CODE.fullmatch(code) else str(response.status)


def _model_error(status: int, endpoint_name: str) -> PredictionError:
    """A 4xx of the model is about the image; 429 and 503 mean that its workers are all busy."""
    if status in (429, 503):
        return TooManyRequestsError(f"endpoint {endpoint_name!r} is at its limit; try again in a second")
    if 400 <= status < 500:
        return ModelRefusedError(
            _REFUSALS.get(status, f"the model refused the image with {status}; send another"), status
        )
    return ModelFailedError(
        f"the model on endpoint {endpoint_name!r} failed with {status}; see /aws/sagemaker/Endpoints/{endpoint_name}"
    )


def _status(value: Any) -> int:
    """Return the container's HTTP status, 500 for what is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 400 <= value < 600 else 500
