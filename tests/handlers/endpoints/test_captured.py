"""What SageMaker has captured and measured of a shadow, as JudgeShadow reads it."""

import base64
import json
import time
from typing import Any

import pytest

from handlers import aws
from handlers.contract.names import VARIANT_NAME
from handlers.contract.states import Shadow
from handlers.endpoints.captured import answers_in, gathered
from handlers.endpoints.shadow import SHADOW_VARIANT_NAME
from handlers.gate.shadow import Traffic
from tests.handlers.environment import BUCKET

_FOLDER = "captured/flowers-1"


def line(inference_id, class_name, encoding="JSON"):
    """Return a captured answer as SageMaker writes it."""
    answer = json.dumps({"predictions": [{"class_name": class_name}, {"class_name": "other"}]})
    data = answer if encoding == "JSON" else base64.b64encode(answer.encode()).decode()
    output = {"observedContentType": "application/json", "mode": "OUTPUT", "data": data, "encoding": encoding}
    metadata = {"eventId": "e", "inferenceId": inference_id, "inferenceTime": "2026-11-30T00:00:00Z"}
    return json.dumps({"captureData": {"endpointOutput": output}, "eventMetadata": metadata, "eventVersion": "0"})


@pytest.mark.parametrize("encoding", ["JSON", "BASE64"])
def test_an_answer_is_its_best_class_by_its_id(encoding):
    """Whatever SageMaker's encoding of it."""
    assert dict(answers_in(line("a", "rose", encoding).encode())) == {"a": "rose"}


@pytest.mark.parametrize(
    "broken",
    [
        b"no JSON",
        b"[]",
        line("a", "rose").replace("inferenceId", "id").encode(),
        line("a", "rose").replace("predictions", "logits").encode(),
        line("a", "rose", "BASE64").replace("ey", "@@").encode(),
    ],
)
def test_what_is_no_prediction_is_passed_over(broken):
    """A caller who asked for logits, one without an id, and a line cut short take nothing from the others."""
    lines = b"\n".join([broken, line("b", "tulip").encode()])

    assert dict(answers_in(lines)) == {"b": "tulip"}


def _measure(variant, **sums):
    dimensions = [{"Name": "EndpointName", "Value": "retriever"}, {"Name": "VariantName", "Value": variant}]
    data: Any = [{"MetricName": name, "Dimensions": dimensions, "Value": value} for name, value in sums.items()]
    aws.cloudwatch().put_metric_data(Namespace="AWS/SageMaker", MetricData=data)


def test_answers_to_the_same_request_are_compared(world):
    """Those of one variant alone are not; requests, errors and latency are of the shadow's time."""
    for variant, answers in ((VARIANT_NAME, "a rose,b rose,c rose"), (SHADOW_VARIANT_NAME, "b rose,c tulip,d rose")):
        lines = [line(*each.split()) for each in answers.split(",")]
        world.put(f"{_FOLDER}/retriever/{variant}/2026/11/30/00/x.jsonl", "\n".join(lines))
    _measure(VARIANT_NAME, Invocations=3, Invocation5XXErrors=0, ModelLatency=8000)
    _measure(SHADOW_VARIANT_NAME, Invocations=2, Invocation5XXErrors=1, ModelLatency=12000)
    shadow = Shadow(
        endpoint_name="retriever", endpoint_config_name="s", previous_endpoint_config_name="p",
        captured_s3_uri=f"s3://{BUCKET}/{_FOLDER}", since=int(time.time()) - 60, wait_seconds=1,
    )  # fmt: skip

    evidence = gathered(shadow)

    assert (evidence.num_compared, evidence.num_agreeing) == (2, 1)
    assert evidence.serving == Traffic(3, 0, 8.0)
    assert evidence.candidate == Traffic(2, 1, 12.0)
    assert evidence.latency_ratio == 1.5
