"""One call of the prediction function as its caller and its log know it: ids, and the answers in HTTP's form."""

import time
import traceback
from dataclasses import dataclass
from typing import Any

from handlers.contract import strict_json
from handlers.prediction import call_log
from handlers.prediction.call_request import PredictRequest
from handlers.prediction.classification import Outcome
from handlers.prediction.errors import PredictionError, UnforeseenError


@dataclass(frozen=True)
class Call:
    """One invocation; each method returns its answer and writes its log line."""

    request_id: str
    correlation_id: str
    started: float  # on time.monotonic()'s clock
    cors_origin: str

    def answered(self, request: PredictRequest, outcomes: list[Outcome]) -> dict[str, Any]:
        """Return what became of the images: "urls" has an answer or a failure for each."""
        self._record(request.source, outcomes)
        if request.source == "urls":
            return self._answer(200, {"results": [_item(one) for one in outcomes], **self._ids()})
        (outcome,) = outcomes
        if outcome.error:
            return self._refusal(outcome.error)
        if request.logits:
            return self._answer(200, outcome.answer["logits"])
        latency = _rounded(outcome.split) | {"total": self._milliseconds()}
        return self._answer(200, {**outcome.answer, "latency_ms": latency, **self._ids()})

    def refused(self, error: PredictionError) -> dict[str, Any]:
        """Return the answer to a call that names no image."""
        self._record("none", [Outcome(error=error)])
        return self._refusal(error)

    def failed(self, defect: Exception) -> dict[str, Any]:
        """Return the answer to a call that met a defect of ours."""
        error = UnforeseenError()
        self._record("none", [Outcome(error=error, defect=defect)])
        return self._refusal(error)

    def preflight(self) -> dict[str, Any]:
        """Return the answer to a browser that asks what it may send."""
        return _answer(204, "", _cors(self.cors_origin))

    def _record(self, source: str, outcomes: list[Outcome]) -> None:
        failed = [outcome.error for outcome in outcomes if outcome.error]
        for defect in (outcome.defect for outcome in outcomes if outcome.defect):
            frames = "".join(traceback.format_tb(defect.__traceback__))
            call_log.unexpected(self.request_id, self.correlation_id, type(defect).__name__, frames)
        call_log.reasons(self.request_id, self.correlation_id, map(str, failed))
        call_log.record(
            request_id=self.request_id,
            correlation_id=self.correlation_id,
            source=source,
            statuses=[outcome.status for outcome in outcomes],
            errors=[error.name for error in failed],
            splits=[outcome.split for outcome in outcomes],
            total_ms=self._milliseconds(),
            num_bytes=sum(outcome.num_bytes for outcome in outcomes),
        )

    def _refusal(self, error: PredictionError) -> dict[str, Any]:
        hint = {} if error.retry_after_seconds is None else {"Retry-After": str(error.retry_after_seconds)}
        return self._answer(error.status, {"error": error.name, "message": str(error), **self._ids()}, hint)

    def _answer(self, status: int, body: Any, headers: dict[str, str] | None = None) -> dict[str, Any]:
        own = {"X-Correlation-Id": self.correlation_id, **_cors(self.cors_origin)}
        return _answer(status, strict_json.written(body), own | (headers or {}))

    def _milliseconds(self) -> float:
        return round((time.monotonic() - self.started) * 1000, 1)

    def _ids(self) -> dict[str, str]:
        return {"request_id": self.request_id, "correlation_id": self.correlation_id}


def _item(outcome: Outcome) -> dict[str, Any]:
    """Return one entry of "results"."""
    if outcome.error is None:
        return {"status": 200, **outcome.answer, "latency_ms": _rounded(outcome.split)}
    retry = outcome.error.retry_after_seconds
    hint = {} if retry is None else {"retry_after_seconds": retry}
    return {"status": outcome.status, "error": outcome.error.name, "message": str(outcome.error), **hint}


def _rounded(split: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 1) for name, value in split.items()}


def _answer(status: int, body: str, headers: dict[str, str]) -> dict[str, Any]:
    own = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    return {"statusCode": status, "headers": own | headers, "body": body, "isBase64Encoded": False}


def _cors(origin: str) -> dict[str, str]:
    if not origin:
        return {}
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": "POST, OPTIONS",
        "Access-Control-Allow-Headers": "Content-Type, X-Correlation-Id",
        "Access-Control-Expose-Headers": "Retry-After, X-Correlation-Id",
    }
