"""The prediction function: images by URL, S3 URI or bytes in, class names and probabilities out.

Direct invocation, API Gateway (v1, v2) and Function URL all take the same JSON:

    {"url": "https://..."} | {"urls": ["https://...", ...]} | {"s3_uri": "s3://..."} | {"image": "<base64>"},
    and "top_k": 3 or "return": "logits"

Answers {"statusCode", "headers", "body"}; a failure's body is {"error", "message", "request_id"}. With "urls" the body
is {"results": [...]}, one answer or failure for each, in their order. docs/openapi.yaml describes all of it.
"""

import functools
import json
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from handlers.contract.settings import FromEnv, names, number, text
from handlers.prediction import call_log, endpoint_client
from handlers.prediction.aws_http import Service, service_url
from handlers.prediction.call_request import PredictRequest, correlation_id, is_preflight, parse_event
from handlers.prediction.errors import PredictionError
from handlers.prediction.images import Classifier, Limits, Outcome, classify_all

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

CONNECT_TIMEOUT_SECONDS = 1
TRIES = endpoint_client.TRIES
RESERVE_SECONDS = 1.0


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
    def endpoint_seconds(self) -> float:
        """The longest that the endpoint, with its second try, may take."""
        return TRIES * CONNECT_TIMEOUT_SECONDS + self.endpoint_read_timeout_seconds

    def limits(self, remaining_seconds: float) -> Limits:
        """Return the limits of a call that has so long before Lambda ends it: an answer always comes first."""
        now = time.monotonic()
        left = max(0.1, remaining_seconds - RESERVE_SECONDS)
        fetch_seconds = max(0.1, min(self.fetch_deadline_seconds, left - self.endpoint_seconds))
        return Limits(
            max_image_bytes=self.max_image_bytes,
            fetch_until=now + fetch_seconds,
            until=now + min(left, fetch_seconds + self.endpoint_seconds),
            origins=frozenset(origin.lower().rstrip("/") for origin in self.fetch_allowed_origins),
            buckets=frozenset((self.bucket_name, *self.allowed_buckets)),
        )


@functools.cache
def settings() -> PredictSettings:
    return PredictSettings.from_env()


@functools.cache
def runtime() -> Service:
    """Return the endpoint's host; its connections outlive a call."""
    region = os.environ.get("AWS_REGION", "us-east-1")
    url = service_url("SAGEMAKER_RUNTIME", "runtime.sagemaker", region)
    return Service(url, "sagemaker", region, CONNECT_TIMEOUT_SECONDS, settings().endpoint_read_timeout_seconds)


def handler(event: Any, context: "LambdaContext") -> dict[str, Any]:
    """Answer any event at all; only the platform's own limits end an invocation in another way."""
    started = time.monotonic()
    if is_preflight(event):
        return _answer(204, "", "")
    call = _Call(context.aws_request_id, correlation_id(event, context), started)
    try:
        request = parse_event(event)
        outcomes = predict(request, context, call)
    except PredictionError as error:
        call.record("none", [Outcome(error=error)])
        return call.refusal(error)
    except Exception as error:  # noqa: BLE001  # a caller gets an answer; its cause goes to the log without its values
        import traceback

        frames = "".join(traceback.format_tb(error.__traceback__))
        call_log.unexpected(call.request_id, call.correlation_id, type(error).__name__, frames)
        unknown = PredictionError("unexpected error; the function's log has its cause under this request_id")
        call.record("none", [Outcome(error=unknown)])
        return call.refusal(unknown)
    call.record(request.source, outcomes)
    return call.answer(request, outcomes)


def predict(request: PredictRequest, context: "LambdaContext", call: "_Call") -> list[Outcome]:
    """Return the outcome of each image of `request`."""
    own = settings()
    classifier = Classifier(
        functools.partial(_ask, own.endpoint_name), f"correlation-id={call.correlation_id}", call.request_id
    )
    return classify_all(request, own.limits(context.get_remaining_time_in_millis() / 1000), classifier)


def _ask(endpoint_name: str, asked: endpoint_client.EndpointRequest, until: float) -> endpoint_client.EndpointAnswer:
    latest = time.monotonic() + settings().endpoint_seconds
    return endpoint_client.invoke(runtime(), endpoint_name, asked, min(until, latest))


@dataclass(frozen=True)
class _Call:
    """One invocation, as its caller and its log know it."""

    request_id: str
    correlation_id: str
    started: float

    def record(self, source: str, outcomes: list[Outcome]) -> None:
        failed = [outcome.error for outcome in outcomes if outcome.error]
        call_log.reasons(self.request_id, self.correlation_id, map(str, failed))
        call_log.record(
            request_id=self.request_id,
            correlation_id=self.correlation_id,
            source=source,
            statuses=[outcome.status for outcome in outcomes],
            errors=[_kind(error) for error in failed],
            splits=[outcome.split for outcome in outcomes],
            total_ms=self._milliseconds(),
            num_bytes=sum(outcome.num_bytes for outcome in outcomes),
        )

    def answer(self, request: PredictRequest, outcomes: list[Outcome]) -> dict[str, Any]:
        if request.source == "urls":
            return _answer(
                200, json.dumps({"results": [_item(one) for one in outcomes], **self._ids()}), self.correlation_id
            )
        (outcome,) = outcomes
        if outcome.error:
            return self.refusal(outcome.error)
        if request.logits:
            return _answer(200, json.dumps(outcome.answer["logits"]), self.correlation_id)
        body = {**outcome.answer, "latency_ms": self._latency(outcome), **self._ids()}
        return _answer(200, json.dumps(body), self.correlation_id)

    def refusal(self, error: PredictionError) -> dict[str, Any]:
        extra = {} if error.retry_after_seconds is None else {"Retry-After": str(error.retry_after_seconds)}
        body = {"error": _kind(error), "message": str(error), **self._ids()}
        return _answer(error.status, json.dumps(body), self.correlation_id, extra)

    def _latency(self, outcome: Outcome) -> dict[str, float]:
        return {name: round(value, 1) for name, value in outcome.split.items()} | {"total": self._milliseconds()}

    def _milliseconds(self) -> float:
        return round((time.monotonic() - self.started) * 1000, 1)

    def _ids(self) -> dict[str, str]:
        return {"request_id": self.request_id, "correlation_id": self.correlation_id}


def _item(outcome: Outcome) -> dict[str, Any]:
    """Return one entry of "results"."""
    if outcome.error is None:
        split = {name: round(value, 1) for name, value in outcome.split.items()}
        return {"status": 200, **outcome.answer, "latency_ms": split}
    retry = outcome.error.retry_after_seconds
    hint = {} if retry is None else {"retry_after_seconds": retry}
    return {"status": outcome.status, "error": _kind(outcome.error), "message": str(outcome.error), **hint}


def _kind(error: PredictionError) -> str:
    return type(error).__name__.removesuffix("Error")


def _answer(status: int, body: str, correlation: str, extra_headers: dict[str, str] | None = None) -> dict[str, Any]:
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store", **(extra_headers or {})}
    if correlation:
        headers["X-Correlation-Id"] = correlation
    origin = settings().cors_allowed_origin
    if origin:
        headers |= {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Methods": "POST, OPTIONS",
            "Access-Control-Allow-Headers": "Content-Type, X-Correlation-Id",
            "Access-Control-Expose-Headers": "Retry-After, X-Correlation-Id",
        }
    return {"statusCode": status, "headers": headers, "body": body, "isBase64Encoded": False}


if "AWS_LAMBDA_RUNTIME_API" in os.environ:
    # During Init this costs the first caller nothing; elsewhere this module is imported without settings.
    runtime()
