"""What is read from an event: the forms that are understood, and the words for all others."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from handlers import predict
from handlers.prediction.call_request import MAX_URLS
from tests.handlers.prediction.service import (
    EXPECTED,
    PNG,
    ClientContext,
    Context,
    Log,
    World,
    answered,
    call,
    encoded,
)

pytestmark = pytest.mark.account  # for sockets on 127.0.0.1


HTTP_EVENTS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "API Gateway v1": lambda body: {
        "httpMethod": "POST", "path": "/predict", "headers": {"Content-Type": "application/json"},
        "requestContext": {"stage": "prod"}, "body": json.dumps(body), "isBase64Encoded": False,
    },
    "API Gateway v2": lambda body: {
        "version": "2.0", "rawPath": "/predict", "requestContext": {"http": {"method": "POST"}}, "headers": {},
        "body": json.dumps(body), "isBase64Encoded": False,
    },
    "Function URL, encoded": lambda body: {
        "version": "2.0", "rawPath": "/", "requestContext": {"http": {"method": "POST"}}, "headers": {},
        "body": base64.b64encode(json.dumps(body).encode()).decode(), "isBase64Encoded": True,
    },
    "console test": lambda body: {"body": body},
}  # fmt: skip


@pytest.mark.parametrize("shape", HTTP_EVENTS)
def test_http_events_answer_as_direct_ones(world: World, shape: str) -> None:
    """The same JSON through any front door."""
    status, body, _ = call(HTTP_EVENTS[shape]({"image": encoded()}))

    assert (status, answered(body)) == (200, EXPECTED)


def test_image_may_be_a_data_url(world: World) -> None:
    """What a browser's FileReader gives is taken as it is."""
    status, _, _ = call({"image": f"data:image/png;base64,{encoded()}", "top_k": 3})

    assert (status, world.invocations[0][2]) == (200, PNG)


@pytest.mark.parametrize(
    ("event", "status", "error"),
    [
        (None, 400, "BadRequest"), ([], 400, "BadRequest"), ("x", 400, "BadRequest"), ({}, 400, "BadRequest"),
        ({"body": None}, 400, "BadRequest"), ({"body": "{"}, 400, "BadRequest"), ({"body": "[]"}, 400, "BadRequest"),
        ({"body": "\ud800", "isBase64Encoded": True}, 400, "BadRequest"),
        ({"body": "[" * 100_000}, 400, "BadRequest"), ({"body": "9" * 6000}, 400, "BadRequest"),
        ({"url": 5}, 400, "BadRequest"), ({"url": ""}, 400, "BadRequest"), ({"url": None}, 400, "BadRequest"),
        ({"url": "https://a.example/", "image": "AAAA"}, 400, "BadRequest"),
        ({"url": "http://a.example/"}, 400, "BadRequest"),
        ({"url": "https://127.0.0.1/"}, 403, "Forbidden"), ({"url": "https://169.254.169.254/"}, 403, "Forbidden"),
        ({"image": "not base64!"}, 400, "BadRequest"), ({"image": "data:image/png,abc"}, 400, "BadRequest"),
        ({"image": "\ud800"}, 400, "BadRequest"),
        ({"image": "QUJD"}, 415, "NotAnImage"), ({"image": "A" * 20_000}, 413, "ImageTooLarge"),
        ({"image": encoded(), "top_k": 0}, 400, "BadRequest"), ({"image": encoded(), "top_k": True}, 400, "BadRequest"),
        ({"image": encoded(), "top_k": "3"}, 400, "BadRequest"), ({"image": encoded(), "return": 1}, 400, "BadRequest"),
        ({"image": encoded(), "return": ["logits"]}, 400, "BadRequest"),
        ({"s3_uri": "s3://secret-bucket/a"}, 403, "Forbidden"), ({"s3_uri": "s3://x"}, 400, "BadRequest"),
        ({"s3_uri": "https://data-bucket/a"}, 400, "BadRequest"), ({"s3_uri": "s3://data-bucket/"}, 400, "BadRequest"),
        ({"s3_uri": "s3://data-bucket/pictures/\ud800"}, 400, "BadRequest"),
        ({"s3_uri": "s3://data-bucket/pictures/missing.png"}, 404, "ImageNotFound"),
        ({"s3_uri": "s3://data-bucket/pictures/large.png"}, 413, "ImageTooLarge"),
        ({"s3_uri": "s3://data-bucket/pictures/notes.txt"}, 415, "NotAnImage"),
    ],
)  # fmt: skip
def test_bad_input_has_its_own_status_and_words(world: World, event: Any, status: int, error: str) -> None:
    """No bad input is answered by a crash, and none reaches the endpoint."""
    world.files |= {"/data-bucket/pictures/large.png": PNG * 1000, "/data-bucket/pictures/notes.txt": b"text"}

    got, body, headers = call(event)

    assert (got, body["error"], body["request_id"]) == (status, error, "request-1")
    assert ": " in body["message"]
    assert headers["Content-Type"] == "application/json"
    assert world.invocations == []


@pytest.mark.parametrize("urls", [[], ["x"] * (MAX_URLS + 1), "https://a.example/", [5], [""], [None], {"a": "b"}])
def test_urls_that_are_no_list_of_urls_are_refused(world: World, urls: Any) -> None:
    """Too many, none, or something else: nothing is fetched."""
    status, body, _ = call({"urls": urls})

    assert (status, body["error"]) == (400, "BadRequest")
    assert body["message"].startswith("urls")


@pytest.mark.parametrize(
    ("event", "client_context", "expected"),
    [
        ({"image": encoded(), "headers": {"X-Correlation-Id": "web-1"}}, None, "web-1"),
        ({"image": encoded(), "headers": {"x-request-id": "web-2"}}, None, "web-2"),
        ({"image": encoded()}, {"correlation_id": "app-3"}, "app-3"),
        ({"image": encoded(), "headers": {"X-Correlation-Id": "a\nb"}}, None, "request-1"),
        ({"image": encoded(), "headers": {"X-Correlation-Id": "x" * 200}}, None, "request-1"),
        ({"image": encoded(), "headers": {"X-Correlation-Id": 5}}, {"correlation_id": ["x"]}, "request-1"),
        ({"image": encoded(), "headers": "X-Correlation-Id: y"}, None, "request-1"),
    ],
)  # fmt: skip
def test_the_callers_id_goes_to_the_endpoint_and_comes_back(
    world: World, log: Log, event: Any, client_context: Any, expected: str
) -> None:
    """One id in the caller's hands, in this function's log and with the container; one that is no id is not used."""
    context = Context(client_context=ClientContext(client_context) if client_context else None)

    answer = predict.handler(event, context)  # type: ignore[arg-type]

    assert json.loads(answer["body"])["correlation_id"] == answer["headers"]["X-Correlation-Id"] == expected
    assert world.invocations[0][1]["X-Amzn-SageMaker-Custom-Attributes"] == f"correlation-id={expected}"
    assert world.invocations[0][1]["X-Amzn-SageMaker-Inference-Id"] == "request-1"
    assert {line["correlation_id"] for line in log.lines()} == {expected}
