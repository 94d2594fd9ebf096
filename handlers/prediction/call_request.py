"""What the caller wants, from a direct invocation, an API Gateway (v1, v2) or a Function URL event."""

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Any

from handlers.contract import strict_json
from handlers.prediction.errors import BadRequestError, ImageTooLargeError

SOURCES = ("url", "urls", "s3_uri", "image")
DEFAULT_TOP_K = 5
MAX_TOP_K = 1000
MAX_URLS = 16
_EXAMPLE = 'expected {"url": "https://..."}, {"urls": [...]}, {"s3_uri": "s3://..."} or {"image": "<base64>"}'
_CORRELATION_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/=+-]{0,127}")
_CORRELATION_HEADERS = ("x-correlation-id", "x-request-id")


@dataclass(frozen=True)
class PredictRequest:
    """One image, or with "urls" several, and the form of the answer."""

    source: str  # one of SOURCES
    values: tuple[str, ...]  # a single one unless the source is "urls"
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


def is_of_function_url(event: Any) -> bool:
    """Tell whether a call came through a Lambda function URL, whose own settings send the CORS headers.

    It would send the function's beside its own, and a browser refuses two of them.
    """
    context = event.get("requestContext") if isinstance(event, dict) else None
    domain = context.get("domainName") if isinstance(context, dict) else None
    return isinstance(domain, str) and ".lambda-url." in domain


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


def correlation_id(event: Any, context: Any) -> str:
    """Return the id under which the caller follows this call, or the invocation's own.

    It comes in the header X-Correlation-Id or X-Request-Id of an HTTP event, or as `correlation_id` in the custom part
    of a direct invocation's client context. Anything that is not a plain id is left unused: it goes into logs.
    """
    given = _from_client_context(context) or _from_headers(event)
    return given if isinstance(given, str) and _CORRELATION_ID.fullmatch(given) else str(context.aws_request_id)


def _from_client_context(context: Any) -> Any:
    custom = getattr(getattr(context, "client_context", None), "custom", None)
    return custom.get("correlation_id") if isinstance(custom, dict) else None


def _from_headers(event: Any) -> Any:
    headers = event.get("headers") if isinstance(event, dict) else None
    if not isinstance(headers, dict):
        return None
    lower = {name.lower(): value for name, value in headers.items() if isinstance(name, str)}
    return next((lower[name] for name in _CORRELATION_HEADERS if name in lower), None)


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
        parsed = strict_json.parse(text)
    except ValueError as error:
        raise BadRequestError(f"body: not JSON; {_EXAMPLE}") from error
    if not isinstance(parsed, dict):
        raise BadRequestError(f"body: JSON of another kind; {_EXAMPLE}")
    return parsed


def _request(fields: dict[str, Any]) -> PredictRequest:
    given = [source for source in SOURCES if fields.get(source) is not None]
    if len(given) != 1:
        named = ", ".join(given) or "none"
        raise BadRequestError(f"image given by: {named}; {_EXAMPLE}, exactly one")
    values = _urls(fields["urls"]) if given[0] == "urls" else (_string(given[0], fields[given[0]]),)
    returns = fields.get("return", "predictions")
    if returns not in ("predictions", "logits"):
        raise BadRequestError('return: not known; use "logits", or leave it out for class names')
    return PredictRequest(given[0], values, returns == "logits", _top_k(fields.get("top_k", DEFAULT_TOP_K)))


def _urls(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_URLS:
        count = len(value) if isinstance(value, list) else type(value).__name__
        raise BadRequestError(f"urls: {count}; expected a list of 1 to {MAX_URLS} URLs")
    return tuple(_string(f"urls[{number}]", url) for number, url in enumerate(value))


def _string(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise BadRequestError(f"{name}: {type(value).__name__ if value != '' else 'empty'}; expected a string")
    return value


def _top_k(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_TOP_K:
        raise BadRequestError(f"top_k: not a whole number within 1..{MAX_TOP_K}; leave it out for {DEFAULT_TOP_K}")
    return value
