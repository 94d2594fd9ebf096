"""What both variants answered while one was a shadow: SageMaker's captured answers in S3, and its metrics."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from handlers.aws.objects import list_objects, read, split_uri
from handlers.contract.json_bounds import bounded_json
from handlers.contract.names import VARIANT_NAME
from handlers.contract.states import Shadow
from handlers.endpoints.metrics import by_minute
from handlers.endpoints.shadow import SHADOW_VARIANT_NAME
from handlers.gate.shadow import ShadowEvidence, Traffic

MAX_BYTES = 32 * 1024 * 1024  # of each variant; an answer of ten classes takes half a kilobyte
_MAX_MEMORY_BYTES = 32 * 1024 * 1024  # of one answer
_MARGIN = timedelta(hours=1)  # beyond now, so that it takes no clock but that of what is measured
_METRICS = {
    "requests": ("Invocations", "Sum"),
    "errors": ("Invocation5XXErrors", "Sum"),
    "microseconds": ("ModelLatency", "Sum"),
    "answers": ("ModelLatency", "SampleCount"),
}


def gathered(shadow: Shadow) -> ShadowEvidence:
    """Return what is known of both variants since the shadow began."""
    serving, candidate = best_classes(shadow, VARIANT_NAME), best_classes(shadow, SHADOW_VARIANT_NAME)
    both = serving.keys() & candidate.keys()
    return ShadowEvidence(
        serving=traffic(shadow, VARIANT_NAME),
        candidate=traffic(shadow, SHADOW_VARIANT_NAME),
        num_compared=len(both),
        num_agreeing=sum(serving[one] == candidate[one] for one in both),
    )


def best_classes(shadow: Shadow, variant: str) -> dict[str, str]:
    """Return what a variant named for each request that it answered, by the request's inference id."""
    bucket, key = split_uri(shadow.captured_s3_uri)
    named: dict[str, str] = {}
    left = MAX_BYTES
    for stored in list_objects(bucket, f"{key}/{shadow.endpoint_name}/{variant}/"):
        left -= stored.size
        if left < 0:  # enough is known by then
            break
        named.update(answers_in(read(bucket, stored.key, MAX_BYTES)))
    return named


def answers_in(lines: bytes) -> Iterator[tuple[str, str]]:
    """Yield inference id and best class of each line; what is no prediction, or has no id, is passed over."""
    for line in lines.splitlines():
        try:
            captured = bounded_json(line, _MAX_MEMORY_BYTES)
            inference_id = captured["eventMetadata"]["inferenceId"]
            yield str(inference_id), _best_class(captured["captureData"]["endpointOutput"])
        except (ValueError, KeyError, TypeError, IndexError):
            continue


def _best_class(output: dict[str, Any]) -> str:
    text = output["data"] if output["encoding"] == "JSON" else base64.b64decode(output["data"], validate=True)
    return str(json.loads(text)["predictions"][0]["class_name"])


def traffic(shadow: Shadow, variant: str) -> Traffic:
    """Return what CloudWatch has counted for a variant since the shadow began."""
    since = datetime.fromtimestamp(shadow.since, UTC)
    until = since + timedelta(seconds=shadow.wait_seconds) + _MARGIN
    sums = dict.fromkeys(_METRICS, 0.0)
    for result in by_minute(shadow.endpoint_name, variant, _METRICS, since, until):
        sums[result["Id"]] += sum(result["Values"])
    latency = sums["microseconds"] / sums["answers"] / 1000 if sums["answers"] else 0.0
    return Traffic(round(sums["requests"]), round(sums["errors"]), latency)
