"""The prediction function: an image by URL, S3 URI or bytes in, class names and probabilities out.

Direct invocation, API Gateway (v1, v2) and Function URL all take the same JSON:

    {"url": "https://..."} | {"s3_uri": "s3://..."} | {"image": "<base64>"}, and "top_k": 3 or "return": "logits"

Answers {"statusCode", "headers", "body"}; a failure's body is {"error", "message", "request_id"}.
"""

import functools
import json
import os
import time
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from handlers import endpoint_client, s3_image
from handlers.fetch import fetch
from handlers.logs import logger
from handlers.predict_errors import NotAnImageError, PredictionError
from handlers.predict_request import PredictRequest, image_bytes, is_preflight, parse_event
from handlers.settings import FromEnv, names, number, text

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

CONNECT_TIMEOUT_SECONDS = 1
TRIES = 2
RESERVE_SECONDS = 1.0

_MAGIC = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)


@dataclass(frozen=True, kw_only=True)
class PredictSettings(FromEnv):
    """What template.yaml tells the prediction function."""

    bucket_name: str = text()
    endpoint_name: str = text()
    cors_allowed_origin: str = text(default="")
    fetch_allowed_origins: tuple[str, ...] = names(default=())
    allowed_buckets: tuple[str, ...] = names(default=())
    max_image_bytes: int = number(1, 6_000_000)
    fetch_deadline_seconds: float = number(0.1, 60)
    endpoint_read_timeout_seconds: float = number(0.1, 60)

    @property
    def origins(self) -> frozenset[str]:
        return frozenset(origin.lower().rstrip("/") for origin in self.fetch_allowed_origins)

    @property
    def endpoint_budget_seconds(self) -> float:
        """The longest that the endpoint, with its second try, may take, and a second to answer in."""
        return TRIES * (CONNECT_TIMEOUT_SECONDS + self.endpoint_read_timeout_seconds) + RESERVE_SECONDS


@functools.cache
def settings() -> PredictSettings:
    return PredictSettings.from_env()


@functools.cache
def client(service: str) -> Any:
    """Return the client of `service`; botocore's own waits would outlast the function."""
    config = Config(
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        read_timeout=settings().endpoint_read_timeout_seconds,
        retries={"mode": "standard", "total_max_attempts": TRIES},
    )
    return boto3.Session().client(service, config=config)  # type: ignore[call-overload]


def handler(event: Any, context: "LambdaContext") -> dict[str, Any]:
    """Answer any event at all; only the platform's own limits end an invocation in another way."""
    logger.append_keys(request_id=context.aws_request_id)
    if is_preflight(event):
        return _answer(204, "")
    try:
        body = predict(parse_event(event), context)
    except PredictionError as error:
        return _refusal(error, context.aws_request_id)
    except Exception as error:  # noqa: BLE001  # a caller gets an answer; its cause goes to the log without its values
        frames = "".join(traceback.format_tb(error.__traceback__))
        logger.error("unexpected error", error=type(error).__name__, frames=frames)
        return _refusal(
            PredictionError("unexpected error; the function's log has its cause under this request_id"),
            context.aws_request_id,
        )
    return _answer(200, json.dumps(body))


def predict(request: PredictRequest, context: "LambdaContext") -> Any:
    """Return the body of a successful answer.

    Raises:
        PredictionError: a class of its own for each thing that can go wrong.
    """
    started = time.monotonic()
    image = load_image(request, context)
    content_type = sniff(image)
    loaded = time.monotonic()
    answer = endpoint_client.invoke(
        client("sagemaker-runtime"), settings().endpoint_name, image, content_type, request.accept
    )
    logger.info(
        "predicted",
        source=request.source,
        image_bytes=len(image),
        content_type=content_type,
        load_ms=round((loaded - started) * 1000, 1),
        endpoint_ms=round((time.monotonic() - loaded) * 1000, 1),
    )
    return endpoint_client.checked(answer, request.logits, context.aws_request_id)


def load_image(request: PredictRequest, context: "LambdaContext") -> bytes:
    """Return the image's bytes, at most as many as the settings allow."""
    own = settings()
    if request.source == "image":
        return image_bytes(request.value, own.max_image_bytes)
    if request.source == "s3_uri":
        allowed = frozenset((own.bucket_name, *own.allowed_buckets))
        return s3_image.read(lambda: client("s3"), request.value, allowed, own.max_image_bytes)
    left = context.get_remaining_time_in_millis() / 1000 - own.endpoint_budget_seconds
    return fetch(
        request.value,
        max_bytes=own.max_image_bytes,
        deadline_seconds=max(0.1, min(own.fetch_deadline_seconds, left)),
        allowed_origins=own.origins,
    )


def sniff(image: bytes) -> str:
    """Return the content type that the first bytes tell; what a server calls it is not asked.

    Raises:
        NotAnImageError: it is none of the four.
    """
    for magic, content_type in _MAGIC:
        if image.startswith(magic):
            return content_type
    if image[:4] == b"RIFF" and image[8:12] == b"WEBP":
        return "image/webp"
    raise NotAnImageError(f"image: {len(image)} bytes that are neither JPEG, PNG, GIF nor WebP; convert it first")


def _refusal(error: PredictionError, request_id: str) -> dict[str, Any]:
    kind = type(error).__name__.removesuffix("Error")
    logger.info("refused", status=error.status, error=kind, reason=str(error))
    extra = {} if error.retry_after_seconds is None else {"Retry-After": str(error.retry_after_seconds)}
    body = {"error": kind, "message": str(error), "request_id": request_id}
    return _answer(error.status, json.dumps(body), extra)


def _answer(status: int, body: str, extra_headers: dict[str, str] | None = None) -> dict[str, Any]:
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store", **(extra_headers or {})}
    origin = settings().cors_allowed_origin
    if origin:
        headers |= {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Methods": "POST, OPTIONS",
            "Access-Control-Allow-Headers": "Content-Type",
        }
    return {"statusCode": status, "headers": headers, "body": body, "isBase64Encoded": False}


if "AWS_LAMBDA_RUNTIME_API" in os.environ:
    # During Init a client costs the first caller nothing; elsewhere this module is imported without settings.
    client("sagemaker-runtime")
