"""What becomes of the endpoint's answers and refusals, and of the times that its container tells."""

import json
from typing import Any

import pytest

from handlers.prediction.errors import ModelFailedError
from handlers.prediction.model_answer import checked
from tests.handlers.prediction.service import (
    PREDICTIONS,
    Log,
    World,
    call,
    encoded,
    forget,
)

pytestmark = pytest.mark.account  # for sockets on 127.0.0.1


@pytest.mark.parametrize(
    ("status", "code", "fields", "expected", "retry_after"),
    [
        (400, "ThrottlingException", {}, 429, "1"),
        (429, "ModelNotReadyException", {}, 429, "1"),
        (400, "ValidationError", {}, 503, "30"),
        (503, "ServiceUnavailable", {}, 503, "1"),
        (500, "InternalFailure", {}, 503, "1"),
        (403, "AccessDeniedException", {}, 500, None),
        (424, "ModelError", {"OriginalStatusCode": 400, "OriginalMessage": "cannot identify image"}, 400, None),
        (424, "ModelError", {"OriginalStatusCode": 415, "OriginalMessage": "no"}, 415, None),
        (424, "ModelError", {"OriginalStatusCode": 503, "OriginalMessage": "busy"}, 429, "1"),
        (424, "ModelError", {"OriginalStatusCode": 500, "OriginalMessage": "Traceback ..."}, 502, None),
        (424, "ModelError", {}, 502, None),
    ],
)
def test_each_failure_of_the_endpoint_has_a_status(
    world: World, status: int, code: str, fields: dict[str, Any], expected: int, retry_after: str | None
) -> None:
    """Over its limit: 429 with a hint; not there: 503; the image refused: the model's own 4xx; a crash: 502."""
    world.fails_with(status, code, **fields)

    got, body, headers = call({"image": encoded()})

    assert (got, headers.get("Retry-After")) == (expected, retry_after)
    assert "Traceback" not in body["message"]


def test_a_missing_endpoint_is_named_with_the_remedy(world: World) -> None:
    """Deleted by hand: the answer says which endpoint, and how it comes back."""
    world.fails_with(400, "ValidationError")

    _, body, _ = call({"image": encoded()})

    assert body["message"].startswith("endpoint 'flowers' does not exist or is not InService; python deploy.py status")


def test_an_endpoint_that_cannot_be_reached_is_unavailable(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """No connection: 503, and the caller may try again."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    forget()

    got, body, _ = call({"image": encoded()})

    assert (got, body["error"]) == (503, "Unavailable")


@pytest.mark.parametrize("answer", [b"", b"{", b"{}", b'{"predictions": 5}', b"[[1]]", b"[[NaN]]", b"[" * 100_000])
def test_an_unreadable_answer_of_the_model_is_its_failure(answer: bytes) -> None:
    """A model that was not trained here is found out."""
    with pytest.raises(ModelFailedError, match="deploy a model trained by this pipeline"):
        checked(answer, logits=False)


@pytest.mark.parametrize("answer", [b"[]", b'[["a"]]', b"[[true]]", b'{"predictions": []}'])
def test_logits_that_are_no_numbers_are_its_failure(answer: bytes) -> None:
    """Only rows of finite numbers are passed on as logits."""
    with pytest.raises(ModelFailedError, match="another form"):
        checked(answer, logits=True)


def test_the_time_is_split_as_the_container_says(world: World, log: Log) -> None:
    """What the container says of its own time stands beside what was measured here, in the answer and the metrics."""
    world.headers["X-Amzn-SageMaker-Custom-Attributes"] = "queue-ms=1.5; model-ms=20.25;nonsense;x-ms=y"

    _, body, _ = call({"image": encoded()})

    assert (body["latency_ms"]["queue"], body["latency_ms"]["model"]) == (1.5, 20.2)
    line = log.lines()[-1]
    assert (line["QueueLatency"], line["ModelLatency"]) == (1.5, 20.2)
    metrics = {one["Name"]: one["Unit"] for one in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]}
    assert metrics["ModelLatency"] == "Milliseconds"
    assert set(metrics) <= set(line)


@pytest.mark.parametrize(
    "told", [5, "x", None, {"model": "x"}, {"model": -1}, {"model": True, "other": 5, "queue": 1e9}]
)
def test_times_that_a_container_makes_up_are_left_out(world: World, told: Any) -> None:
    """What comes from the model is checked like any other input."""
    world.body = json.dumps({**PREDICTIONS, "latency_ms": told}).encode()

    status, body, _ = call({"image": encoded()})

    assert status == 200
    assert set(body["latency_ms"]) <= {"fetch", "endpoint", "total", "model"}
    assert body["latency_ms"].get("model", 1) == 1


def test_the_container_may_tell_its_times_in_the_answer(world: World) -> None:
    """As inference.py does: the toolkit gives it no way to set a header."""
    world.body = json.dumps({**PREDICTIONS, "latency_ms": {"decode": 1.25, "model": 11}}).encode()

    _, body, _ = call({"image": encoded()})

    assert (body["latency_ms"]["decode"], body["latency_ms"]["model"]) == (1.2, 11)


@pytest.mark.parametrize(("attributes", "expected"), [("queue-ms=0.5", 4.5), ("", None)])
def test_waiting_for_the_engine_is_a_part_of_the_queue(world: World, attributes: str, expected: float | None) -> None:
    """Both parts of the container add up; where its server keeps its own to itself, no queue is told at all."""
    world.headers["X-Amzn-SageMaker-Custom-Attributes"] = attributes
    world.body = json.dumps({**PREDICTIONS, "latency_ms": {"wait": 4.0, "decode": 1, "model": 11}}).encode()

    _, body, _ = call({"image": encoded()})

    assert body["latency_ms"].get("queue") == expected
    assert "wait" not in body["latency_ms"]
