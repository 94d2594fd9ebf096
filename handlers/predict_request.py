"""What the caller wants, from a direct invocation, an API Gateway (v1, v2) or a Function URL event."""

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any

from handlers.predict_errors import BadRequestError, ImageTooLargeError

SOURCES = ("url", "s3_uri", "image")
DEFAULT_TOP_K = 5
MAX_TOP_K = 1000
_EXAMPLE = 'expected {"url": "https://..."}, {"s3_uri": "s3://..."} or {"image": "<base64>"}'


@dataclass(frozen=True)
class PredictRequest:
    """Exactly one image, and the form of the answer."""

    source: str  # one of SOURCES
    value: str
    logits: bool = False
    top_k: int = DEFAULT_TOP_K

    @property
    def accept(self) -> str:
        """The Accept header for the endpoint."""
        return "application/json;return=logits" if self.logits else f"application/json;top_k={self.top_k}"


def is_preflight(event: Any) -> bool:
    """Tell whether a browser asks what it may send, before it sends it."""
    if not isinstance(event, dict):
        return False
    context = event.get("requestContext")
    http = context.get("http") if isinstance(context, dict) else None
    method = http.get("method") if isinstance(http, dict) else event.get("httpMethod")
    return method == "OPTIONS" and not any(source in event for source in SOURCES)


def parse_event(event: Any) -> PredictRequest:
    """Return the request in `event`.

    Raises:
        BadRequestError: it holds none, or one that is not understood.
    """
    if not isinstance(event, dict):
        raise BadRequestError(f"event: {type(event).__name__}; {_EXAMPLE}")
    if any(source in event for source in SOURCES):
        return _request(event)
    if "body" not in event:
        raise BadRequestError(f"event: no image named in it; {_EXAMPLE}")
    return _request(_body(event["body"], event.get("isBase64Encoded") is True))


def image_bytes(encoded: str, max_bytes: int) -> bytes:
    """Return the bytes of a base64 string, or of a data: URL of one.

    Raises:
        BadRequestError: it is not base64. ImageTooLargeError: there are more than `max_bytes`.
    """
    if encoded.startswith("data:"):
        header, _, encoded = encoded.partition(",")
        if not header.endswith(";base64"):
            raise BadRequestError("image: a data: URL that is not base64; expected data:image/png;base64,...")
    if len(encoded) > (max_bytes + 2) // 3 * 4:
        raise ImageTooLargeError(f"image: about {len(encoded) * 3 // 4} bytes; at most {max_bytes} are taken")
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadRequestError("image: not base64; encode the file's bytes with the standard alphabet") from error


def _body(body: Any, is_base64: bool) -> dict[str, Any]:
    """Return the JSON object in an HTTP event's body; a console's test event may hold it unencoded."""
    if isinstance(body, dict):
        return body
    if not isinstance(body, str) or not body:
        raise BadRequestError(f"body: empty; {_EXAMPLE}")
    try:
        text = base64.b64decode(body, validate=True).decode() if is_base64 else body
        parsed = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadRequestError(f"body: not JSON; {_EXAMPLE}") from error
    if not isinstance(parsed, dict):
        raise BadRequestError(f"body: JSON of another kind; {_EXAMPLE}")
    return parsed


def _request(fields: dict[str, Any]) -> PredictRequest:
    given = [source for source in SOURCES if fields.get(source) is not None]
    if len(given) != 1:
        named = ", ".join(given) or "none"
        raise BadRequestError(f"image given by: {named}; {_EXAMPLE}, exactly one")
    value = fields[given[0]]
    if not isinstance(value, str) or not value:
        raise BadRequestError(f"{given[0]}: {type(value).__name__ if value != '' else 'empty'}; expected a string")
    returns = fields.get("return", "predictions")
    if returns not in ("predictions", "logits"):
        raise BadRequestError('return: not known; use "logits", or leave it out for class names')
    return PredictRequest(given[0], value, returns == "logits", _top_k(fields.get("top_k", DEFAULT_TOP_K)))


def _top_k(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_TOP_K:
        raise BadRequestError(f"top_k: not a whole number within 1..{MAX_TOP_K}; leave it out for {DEFAULT_TOP_K}")
    return value
