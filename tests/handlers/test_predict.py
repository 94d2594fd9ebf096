"""The prediction function, from the event to the answer, against an endpoint and an image server on loopback."""

import base64
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from handlers import predict
from handlers.prediction import images, s3_image
from handlers.prediction.call_request import MAX_URLS
from handlers.prediction.endpoint_client import checked
from handlers.prediction.errors import ModelFailedError
from tests.test_openapi import validator

pytestmark = pytest.mark.account  # for sockets on 127.0.0.1

ROOT = Path(__file__).resolve().parents[2]
CORPORA = ROOT.parent / "shared" / "corpora"
PNG = b"\x89PNG\r\n\x1a\n" + b"pixels of a dog"
IMAGES = {
    "image/jpeg": b"\xff\xd8\xff\xe0 jpeg",
    "image/png": PNG,
    "image/gif": b"GIF89a gif",
    "image/webp": b"RIFF\x00\x00\x00\x00WEBPVP8 ",
}
PREDICTIONS = {
    "predictions": [{"class_name": "h\u00fctte", "class_index": 0, "probability": 0.9}],
    "model": {"model_name": "resnet18", "training_job_name": "flowers-0123456789ab-1"},
}
FAILURE = {"error", "message", "request_id", "correlation_id"}
EXPECTED = {**PREDICTIONS, "request_id": "request-1", "correlation_id": "request-1"}


@dataclass
class ClientContext:
    custom: Any = None


@dataclass
class Context:
    aws_request_id: str = "request-1"
    client_context: ClientContext | None = None

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


@dataclass
class World:
    """What the other side answers, and what it was asked; one server plays endpoint, S3 and web server."""

    origin: str = ""
    status: int = 200
    body: bytes = json.dumps(PREDICTIONS).encode()
    headers: dict[str, str] = field(default_factory=dict)
    delay_seconds: float = 0.0
    invocations: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    file_status: int = 200
    hold: threading.Event | None = None  # files are sent once it is set
    gate: threading.Barrier | None = None  # a file is sent once so many are asked for
    endpoint_gate: threading.Barrier | None = None  # the endpoint answers once so many are waiting
    most_at_once: int = 0
    at_once: int = 0
    lock: Any = field(default_factory=threading.Lock)

    def count(self, step: int) -> None:
        with self.lock:
            self.at_once += step
            self.most_at_once = max(self.most_at_once, self.at_once)

    def fails_with(self, status: int, code: str, **fields: Any) -> None:
        self.status, self.headers = status, {"x-amzn-ErrorType": code}
        self.body = json.dumps({"Message": f"{code} it is", **fields}).encode()


class Server(ThreadingHTTPServer):
    request_queue_size = 64  # the default refuses a sixth connection that comes at the same time


def request_handler(world: World) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            world.invocations.append((self.path, dict(self.headers), body))
            world.count(1)
            threading.Event().wait(world.delay_seconds)
            if world.endpoint_gate:
                world.endpoint_gate.wait(5)
            world.count(-1)
            if world.endpoint_gate:  # nobody is answered before all are counted out
                world.endpoint_gate.wait(5)
            self._send(world.status, world.body, world.headers)

        def do_GET(self) -> None:
            found = world.files.get(self.path.partition("?")[0])
            missing = b"<Error><Code>NoSuchKey</Code></Error>"
            if world.gate:
                world.gate.wait(5)
            if world.hold:
                world.hold.wait(5)
            self._send(*((world.file_status, found) if found is not None else (404, missing)), {})

        def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            if not status:
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in {
                "Content-Type": "application/json",
                "Content-Length": str(len(body)),
                **headers,
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class's name)
            """Stay silent."""

    return Handler


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    world = World()
    server = Server(("127.0.0.1", 0), request_handler(world))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    world.origin = f"http://127.0.0.1:{server.server_port}"
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": world.origin, "BUCKET_NAME": "data-bucket", "ENDPOINT_NAME": "flowers",
        "ALLOWED_BUCKETS": "other-bucket", "FETCH_ALLOWED_ORIGINS": world.origin, "CORS_ALLOWED_ORIGIN": "",
        "MAX_IMAGE_BYTES": "10000", "FETCH_DEADLINE_SECONDS": "2", "ENDPOINT_READ_TIMEOUT_SECONDS": "1",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    forget()
    yield world
    server.shutdown()
    server.server_close()
    forget()


class Log:
    """The lines that the function has written to its log."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture
        self._text = ""

    def getvalue(self) -> str:
        self._text += self._capture.readouterr().out
        return self._text

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]


@pytest.fixture
def log(capsys: pytest.CaptureFixture[str]) -> Log:
    return Log(capsys)


def forget() -> None:
    if predict.runtime.cache_info().currsize:
        predict.runtime().close()
    predict.settings.cache_clear()
    predict.runtime.cache_clear()
    s3_image.forget()


def call(event: Any) -> tuple[int, Any, dict[str, str]]:
    """Return status, body and headers of the answer, which is one that docs/openapi.yaml describes."""
    answer = predict.handler(event, Context())  # type: ignore[arg-type]
    body = json.loads(answer["body"]) if answer["body"] else None
    schemas = ("Predictions", "Results", "Logits") if answer["statusCode"] == 200 else ("Failure",)
    assert body is None or any(validator(name).is_valid(body) for name in schemas), body
    return answer["statusCode"], body, answer["headers"]


def answered(body: dict[str, Any]) -> dict[str, Any]:
    """The body of a success without its times, which vary."""
    assert set(body["latency_ms"]) >= {"fetch", "endpoint", "total"}
    return {name: value for name, value in body.items() if name != "latency_ms"}


def encoded(image: bytes = PNG) -> str:
    return base64.b64encode(image).decode()


def test_url_is_fetched_and_classified(world: World) -> None:
    """The image of the URL reaches the endpoint byte by byte; names and probabilities come back with the request id."""
    world.files["/dog.png"] = PNG

    status, body, headers = call({"url": f"{world.origin}/dog.png?signature=abc"})

    assert (status, answered(body)) == (200, EXPECTED)
    assert headers["Content-Type"] == "application/json"
    path, sent, image = world.invocations[0]
    assert (path, sent["Content-Type"], image) == ("/endpoints/flowers/invocations", "image/png", PNG)
    assert (
        sent["X-Amzn-SageMaker-Accept" if "X-Amzn-SageMaker-Accept" in sent else "Accept"] == "application/json;top_k=5"
    )


@pytest.mark.parametrize(("content_type", "image"), IMAGES.items())
def test_content_type_comes_from_the_first_bytes(world: World, content_type: str, image: bytes) -> None:
    """All four formats are told apart without asking anyone."""
    status, _, _ = call({"image": encoded(image)})

    assert status == 200
    assert world.invocations[0][1]["Content-Type"] == content_type


def test_image_may_be_a_data_url(world: World) -> None:
    """What a browser's FileReader gives is taken as it is."""
    status, _, _ = call({"image": f"data:image/png;base64,{encoded()}", "top_k": 3})

    assert (status, world.invocations[0][2]) == (200, PNG)


@pytest.mark.parametrize("bucket", ["data-bucket", "other-bucket"])
def test_s3_uri_is_read_from_allowed_buckets(world: World, bucket: str) -> None:
    """The data bucket is always allowed, others by parameter."""
    world.files[f"/{bucket}/a/dog%20%C3%BC.png"] = PNG

    status, body, _ = call({"s3_uri": f"s3://{bucket}/a/dog \u00fc.png"})

    assert status == 200, body
    assert world.invocations[0][2] == PNG


def test_logits_are_the_bare_rows(world: World) -> None:
    """Clients of the older Lambda get [[...]] and nothing around it."""
    world.body = b"[[0.25, -1.5, 3.0]]"

    status, body, _ = call({"image": encoded(), "return": "logits"})

    assert (status, body) == (200, [[0.25, -1.5, 3.0]])


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


def test_cors_header_is_sent_when_it_is_set(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """On success, on failure and to the preflight; without the setting there is none."""
    assert "Access-Control-Allow-Origin" not in call({"image": encoded()})[2]
    monkeypatch.setenv("CORS_ALLOWED_ORIGIN", "https://app.example")
    forget()

    for event, expected in (
        ({"image": encoded()}, 200),
        ({}, 400),
        ({"httpMethod": "OPTIONS", "body": None}, 204),
        ({"requestContext": {"http": {"method": "OPTIONS"}}}, 204),
    ):
        status, _, headers = call(event)
        assert (status, headers["Access-Control-Allow-Origin"]) == (expected, "https://app.example")


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
        ({"s3_uri": "s3://data-bucket/\ud800"}, 400, "BadRequest"),
        ({"s3_uri": "s3://data-bucket/missing.png"}, 404, "ImageNotFound"),
        ({"s3_uri": "s3://data-bucket/large.png"}, 413, "ImageTooLarge"),
        ({"s3_uri": "s3://data-bucket/notes.txt"}, 415, "NotAnImage"),
    ],
)  # fmt: skip
def test_bad_input_has_its_own_status_and_words(world: World, event: Any, status: int, error: str) -> None:
    """No bad input is answered by a crash, and none reaches the endpoint."""
    world.files |= {"/data-bucket/large.png": PNG * 1000, "/data-bucket/notes.txt": b"text"}

    got, body, headers = call(event)

    assert (got, body["error"], body["request_id"]) == (status, error, "request-1")
    assert ": " in body["message"]
    assert headers["Content-Type"] == "application/json"
    assert world.invocations == []


@pytest.mark.parametrize(
    ("path", "status", "error"),
    [("/missing.png", 404, "ImageNotFound"), ("/large.png", 413, "ImageTooLarge"), ("/page.html", 415, "NotAnImage")],
)
def test_bad_urls_have_their_own_status(world: World, path: str, status: int, error: str) -> None:
    """What is wrong with the other server's file is not a failure of this function."""
    world.files |= {"/large.png": PNG * 1000, "/page.html": b"<html>"}

    got, body, _ = call({"url": world.origin + path})

    assert (got, body["error"]) == (status, error)


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


def test_a_slow_endpoint_is_out_of_time(world: World) -> None:
    """The client gives up long before the function's own timeout."""
    world.delay_seconds = 1.3

    got, body, _ = call({"image": encoded()})

    assert (got, body["error"]) == (504, "OutOfTime")
    assert len(world.invocations) == 1


def test_an_endpoint_that_cannot_be_reached_is_unavailable(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """No connection: 503, and the caller may try again."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    forget()

    got, body, _ = call({"image": encoded()})

    assert (got, body["error"]) == (503, "Unavailable")


@pytest.mark.parametrize("answer", [b"", b"{", b"{}", b'{"predictions": 5}', b"[[1]]", b"[" * 100_000])
def test_an_unreadable_answer_of_the_model_is_its_failure(answer: bytes) -> None:
    """A model that was not trained here is found out."""
    with pytest.raises(ModelFailedError, match="deploy a model trained by this pipeline"):
        checked(answer, logits=False)


@pytest.mark.parametrize("answer", [b"[]", b'[["a"]]', b"[[NaN]]", b"[[true]]", b'{"predictions": []}'])
def test_logits_that_are_no_numbers_are_its_failure(answer: bytes) -> None:
    """Only rows of finite numbers are passed on as logits."""
    with pytest.raises(ModelFailedError, match="another form"):
        checked(answer, logits=True)


def test_unexpected_errors_are_answered_and_logged_without_values(
    world: World, monkeypatch: pytest.MonkeyPatch, log: Log
) -> None:
    """A caller gets a 500 with the request id; the log names the error's class and place but none of its values."""

    event = {"image": encoded()}

    def explode(*_: Any) -> bytes:
        raise KeyError(event["image"])

    monkeypatch.setattr(images, "load_image", explode)

    got, body, _ = call(event)

    assert (got, body["error"]) == (500, "Prediction")
    assert "KeyError" in log.getvalue()
    assert event["image"] not in log.getvalue() + json.dumps(body)


def test_logs_hold_no_secrets(world: World, log: Log) -> None:
    """Neither query strings, nor user names, nor image bytes, nor credentials; whether it worked or not."""
    world.files["/dog.png"] = PNG

    for event in (
        {"url": f"{world.origin}/dog.png?X-Amz-Signature=hidden"},
        {"url": f"{world.origin}/missing.png?X-Amz-Signature=hidden"},
        {"url": "https://name:hidden@a.example/?hidden=1"},
        {"url": "https://127.0.0.1/?hidden=1"},
        {"image": encoded()},
        {"image": encoded()[:-3] + "hidden!"},
        {"body": '{"url": "https://a.example/?hidden=1"'},
    ):
        call(event)

    assert sum("_aws" in line for line in log.lines()) == 7
    assert {line["request_id"] for line in log.lines()} == {"request-1"}
    for secret in ("hidden", encoded()[:12], "pixels", "test,", "AWS4-HMAC"):
        assert secret not in log.getvalue()


def test_several_urls_have_an_answer_each(world: World) -> None:
    """In their order, each with its own status; one that cannot be had keeps no other from its answer."""
    world.files |= {"/a.png": PNG, "/page.html": b"<html>", "/b.jpg": IMAGES["image/jpeg"]}
    paths = ("/a.png", "/missing.png", "/page.html", "/b.jpg")
    urls = [*(world.origin + path for path in paths), "https://127.0.0.1/", "not a URL"]

    status, body, _ = call({"urls": urls, "top_k": 3})

    assert (status, body["request_id"]) == (200, "request-1")
    assert [result["status"] for result in body["results"]] == [200, 404, 415, 200, 403, 400]
    assert body["results"][0]["predictions"] == PREDICTIONS["predictions"]
    assert body["results"][1]["error"] == "ImageNotFound"
    assert {image for _, _, image in world.invocations} == {PNG, IMAGES["image/jpeg"]}
    ids = {sent["X-Amzn-SageMaker-Inference-Id"] for _, sent, _ in world.invocations}
    assert ids == {"request-1-0", "request-1-3"}


def test_several_urls_give_logits_too(world: World) -> None:
    """Each entry holds its rows."""
    world.files["/a.png"] = PNG
    world.body = b"[[1.0]]"

    _, body, _ = call({"urls": [f"{world.origin}/a.png"], "return": "logits"})

    assert body["results"][0]["logits"] == [[1.0]]


def test_several_urls_are_fetched_at_the_same_time(world: World) -> None:
    """Each server answers only once all of them are asked, which one after the other could never be."""
    world.gate = threading.Barrier(8)
    world.files["/a.png"] = PNG

    _, body, _ = call({"urls": [f"{world.origin}/a.png"] * 8})

    assert [result["status"] for result in body["results"]] == [200] * 8


def test_a_call_asks_the_endpoint_for_few_images_at_a_time(world: World) -> None:
    """One caller with many images leaves room for the others."""
    world.files["/a.png"] = PNG
    world.endpoint_gate = threading.Barrier(images.MAX_AT_ENDPOINT)

    _, body, _ = call({"urls": [f"{world.origin}/a.png"] * 12})

    assert [result["status"] for result in body["results"]] == [200] * 12
    assert world.most_at_once == images.MAX_AT_ENDPOINT


def test_throttled_images_of_several_carry_a_hint(world: World) -> None:
    """What was refused for want of capacity can be sent again, alone."""
    world.files["/a.png"] = PNG
    world.fails_with(400, "ThrottlingException")

    _, body, _ = call({"urls": [f"{world.origin}/a.png"] * 2})

    assert [(one["status"], one["retry_after_seconds"]) for one in body["results"]] == [(429, 1)] * 2


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


@pytest.mark.parametrize(
    ("code", "status", "metric"),
    [("ThrottlingException", 400, "Throttles"), ("AccessDeniedException", 403, "ServerErrors")],
)
def test_outcomes_are_counted(world: World, log: Log, code: str, status: int, metric: str) -> None:
    """Each call counts once, under what became of it."""
    world.fails_with(status, code)

    call({"image": encoded()})

    line = log.lines()[-1]
    names = ("Predictions", "ClientErrors", "Throttles", "ServerErrors")
    assert {name: line[name] for name in names} == dict.fromkeys(names, 0) | {metric: 1}


# What each fault of the endpoint ends in, and how often the endpoint is asked: once, but where another try can help
# and adds no load to a service that is short of capacity.
FAULTS = {
    "throttling": (400, "ThrottlingException", 429, 1),
    "500": (500, "InternalFailure", 503, 2),
    "503": (503, "ServiceUnavailable", 503, 2),
    "ModelError": (424, "ModelError", 502, 1),
    "ValidationException": (400, "ValidationException", 503, 1),
    "AccessDenied": (403, "AccessDeniedException", 500, 1),
    "ExpiredToken": (403, "ExpiredTokenException", 500, 1),
    "closed connection": (0, "", 503, 2),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_has_a_typed_outcome_and_bounded_tries(world: World, fault: str) -> None:
    """No caller's repetition and none of ours multiplies the load of an endpoint that is at its limit."""
    status, code, expected, tries = FAULTS[fault]
    world.fails_with(status, code)

    got, body, _ = call({"image": encoded()})

    assert (got, set(body)) == (expected, FAILURE)
    assert len(world.invocations) == tries


S3_FAULTS = {
    "throttling": (503, "SlowDown", 503),
    "500": (500, "InternalError", 503),
    "AccessDenied": (403, "AccessDenied", 404),
    "ExpiredToken": (400, "ExpiredToken", 422),
    "closed connection": (0, "", 422),
    "ValidationException": (400, "InvalidArgument", 422),
}


@pytest.mark.parametrize("fault", S3_FAULTS)
def test_each_fault_of_s3_has_a_typed_outcome(world: World, fault: str) -> None:
    """A class of its own, and no call to the endpoint."""
    status, code, expected = S3_FAULTS[fault]
    world.file_status, world.files["/data-bucket/a.png"] = status, f"<Error><Code>{code}</Code></Error>".encode()

    got, body, _ = call({"s3_uri": "s3://data-bucket/a.png"})

    assert (got, set(body)) == (expected, FAILURE)
    assert world.invocations == []


def test_a_slow_s3_is_out_of_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A read that does not end is given up at the deadline for fetching."""
    monkeypatch.setenv("FETCH_DEADLINE_SECONDS", "0.2")
    forget()
    world.hold = threading.Event()

    got, body, _ = call({"s3_uri": "s3://data-bucket/a.png"})
    world.hold.set()

    assert (got, body["error"], world.invocations) == (504, "OutOfTime", [])


def test_an_answer_comes_before_lambda_ends_the_function(world: World) -> None:
    """With little time left, as after a slow start, the waits shrink to fit."""
    for seconds in (0.5, 1.5, 60.0):
        limits = predict.settings().limits(seconds)
        assert limits.until - time.monotonic() <= max(0.1, seconds - predict.RESERVE_SECONDS)
        assert limits.fetch_until <= limits.until


def corpus_events() -> Iterator[Any]:
    """Every event, JSON text and string of the corpora, in each place where a caller could put it."""
    for file in sorted((CORPORA / "lambda-events").rglob("*.json")):
        text = file.read_text(encoding="utf-8")
        try:
            yield json.loads(text)
        except ValueError:  # one file of the corpus is broken itself
            yield text
    for file in sorted((CORPORA / "json-fuzz").rglob("*")):
        if file.is_file() and file.suffix != ".md":
            data = file.read_bytes()
            yield {"body": data.decode("utf-8", "surrogateescape")}
            yield {"body": base64.b64encode(data).decode(), "isBase64Encoded": True}
    for line in (CORPORA / "naughty-strings" / "blns.jsonl").read_text(encoding="utf-8").rstrip("\n").split("\n"):
        text = json.loads(line)["s"]
        yield from (text, {"body": text}, {"url": text}, {"s3_uri": text}, {"image": text})
        yield from ({"s3_uri": f"s3://data-bucket/{text}"}, {"url": f"http://127.0.0.1:1/{text}"})
        yield {"image": encoded(), "return": text, "top_k": text}


def corpus_texts() -> Iterator[str]:
    """The strings of the corpora that are too long to be in a log by chance, and the headers of the events."""
    lines = (CORPORA / "naughty-strings" / "blns.jsonl").read_text(encoding="utf-8").rstrip("\n").split("\n")
    yield from (text for text in (json.loads(line)["s"] for line in lines) if len(text) > 12 and "://" not in text)
    for file in sorted((CORPORA / "lambda-events").rglob("*.json")):
        yield from re.findall(
            r'"(?:Authorization|authorization|x-api-key|cookie|Cookie)": "([^"]{8,})"', file.read_text()
        )


@pytest.mark.slow
@pytest.mark.skipif(not CORPORA.is_dir(), reason="the corpora are not in this checkout")
def test_any_event_gets_a_well_formed_answer(world: World, log: Log) -> None:
    """Real events of other services, fuzzed JSON and naughty strings all end in a 4xx that a client can read.

    And nothing of what they hold comes into the log: no header, no query string, no text of theirs but a host's name.
    """
    count = 0
    for event in corpus_events():
        answer = predict.handler(event, Context())  # type: ignore[arg-type]
        body = json.loads(json.dumps(answer).encode("ascii"))["body"]
        assert answer["statusCode"] == 204 or 400 <= answer["statusCode"] < 500, (event, answer)
        assert answer["statusCode"] == 204 or set(json.loads(body)) == FAILURE
        count += 1

    assert count > 3000
    assert world.invocations == []
    written = log.getvalue()
    assert written.count('"_aws"') >= count - 100  # a preflight writes none
    for text in corpus_texts():
        assert json.dumps(text)[1:-1] not in written
    assert "AWS4-HMAC" not in written


def test_import_stays_light() -> None:
    """Neither an AWS SDK, nor Powertools, pydantic or X-Ray is imported on the way to a prediction."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    heavy = {"boto3", "botocore", "urllib3", "aws_lambda_powertools", "pydantic", "aws_xray_sdk"}
    code = f"import handlers.predict, sys; print({heavy} & set(sys.modules))"

    printed = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True, timeout=60
    ).stdout

    assert printed.strip() == "set()"
