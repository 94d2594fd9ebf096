"""One JSON line for each prediction call: a structured log and, in the embedded metric format, its metrics.

The standard library alone: Powertools' logger and metrics would be a third of the function's cold start. A line holds
numbers, names of our own and ids; never a URL, an image, a header or an exception's text.
Source: CloudWatch user guide, "Specification: Embedded metric format".
"""

import json
import os
import sys
import time
from collections.abc import Collection, Iterable, Mapping
from typing import Any

_PARTS = ("fetch", "endpoint", "queue", "decode", "model")
_is_cold = True


def record(
    *,
    request_id: str,
    correlation_id: str,
    source: str,
    statuses: Iterable[int],
    errors: Iterable[str],
    splits: Collection[Mapping[str, float]],
    total_ms: float,
    num_bytes: int = 0,
) -> None:
    """Print the line of one call: one status a picture (or one of the call itself), and where the time went."""
    outcomes = list(statuses)
    metrics: dict[str, Any] = {
        "Predictions": sum(status == 200 for status in outcomes),
        "ClientErrors": sum(400 <= status < 500 and status != 429 for status in outcomes),
        "Throttles": sum(status == 429 for status in outcomes),
        "ServerErrors": sum(status >= 500 for status in outcomes),
        "TotalLatency": round(total_ms, 1),
    }
    for name in _PARTS:
        values = [round(split[name], 1) for split in splits if name in split]
        if values:
            metrics[f"{name.capitalize()}Latency"] = values if len(values) > 1 else values[0]
    _print(
        {
            "level": "INFO",
            "message": "predicted" if 200 in outcomes else "refused",
            **_ids(request_id, correlation_id),
            "cold_start": _cold(),
            "source": source,
            "image_bytes": num_bytes,
            "statuses": outcomes,
            "errors": sorted(set(errors)),
            **metrics,
            "_aws": _directive(metrics),
        }
    )


def reasons(request_id: str, correlation_id: str, sentences: Iterable[str]) -> None:
    """Print why something was refused; the sentences are our own and name no more than a URL's origin."""
    for reason in sentences:
        _print({"level": "INFO", "message": "reason", **_ids(request_id, correlation_id), "reason": reason})


def unexpected(request_id: str, correlation_id: str, kind: str, frames: str) -> None:
    """Print a defect of ours: the class of the exception and its place, without its values."""
    _print(
        {
            "level": "ERROR",
            "message": "unexpected error",
            **_ids(request_id, correlation_id),
            "error": kind,
            "frames": frames,
        }
    )


def _ids(request_id: str, correlation_id: str) -> dict[str, str]:
    trace = os.environ.get("_X_AMZN_TRACE_ID", "")
    root = next((part[5:] for part in trace.split(";") if part.startswith("Root=")), "")
    ids = {"service": _service(), "request_id": request_id, "correlation_id": correlation_id}
    return ids | ({"xray_trace_id": root} if root else {})


def _service() -> str:
    return os.environ.get("POWERTOOLS_SERVICE_NAME", "retriever")


def _cold() -> bool:
    global _is_cold  # noqa: PLW0603 (one environment starts once)
    was, _is_cold = _is_cold, False
    return was


def _directive(metrics: Mapping[str, Any]) -> dict[str, Any]:
    units = [{"Name": name, "Unit": "Milliseconds" if "Latency" in name else "Count"} for name in metrics]
    namespace = os.environ.get("POWERTOOLS_METRICS_NAMESPACE", "Retriever")
    directive = {"Namespace": namespace, "Dimensions": [["service"]], "Metrics": units}
    return {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}


def _print(line: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(line, separators=(",", ":")) + "\n")
    sys.stdout.flush()
