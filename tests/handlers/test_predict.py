"""The prediction function, from the event to the answer, against an endpoint and an image server on loopback."""

import base64
import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from handlers import predict
from handlers.endpoint_client import checked
from handlers.logs import logger
from handlers.predict_errors import ModelFailedError

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


@dataclass
class Context:
    aws_request_id: str = "request-1"

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

    def fails_with(self, status: int, code: str, **fields: Any) -> None:
        self.status, self.headers = status, {"x-amzn-ErrorType": code}
        self.body = json.dumps({"Message": f"{code} it is", **fields}).encode()


def request_handler(world: World) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            world.invocations.append((self.path, dict(self.headers), body))
            threading.Event().wait(world.delay_seconds)
            self._send(world.status, world.body, world.headers)

        def do_GET(self) -> None:
            found = world.files.get(self.path.partition("?")[0])
            missing = b"<Error><Code>NoSuchKey</Code></Error>"
            self._send(*((200, found) if found is not None else (404, missing)), {})

        def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
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
    server = ThreadingHTTPServer(("127.0.0.1", 0), request_handler(world))
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


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """The lines that the function would write to its log."""
    written = io.StringIO()
    handler: Any = logger.registered_handler
    before = handler.setStream(written)
    yield written
    handler.setStream(before)


def forget() -> None:
    predict.settings.cache_clear()
    predict.client.cache_clear()


def call(event: Any) -> tuple[int, Any, dict[str, str]]:
    answer = predict.handler(event, Context())  # type: ignore[arg-type]
    body = json.loads(answer["body"]) if answer["body"] else None
    return answer["statusCode"], body, answer["headers"]


def encoded(image: bytes = PNG) -> str:
    return base64.b64encode(image).decode()


def test_url_is_fetched_and_classified(world: World) -> None:
    """The image of the URL reaches the endpoint byte by byte; names and probabilities come back with the request id."""
    world.files["/dog.png"] = PNG

    status, body, headers = call({"url": f"{world.origin}/dog.png?signature=abc"})

    assert (status, body) == (200, {**PREDICTIONS, "request_id": "request-1"})
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

    assert (status, body) == (200, {**PREDICTIONS, "request_id": "request-1"})


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
    assert len(world.invocations) <= predict.TRIES


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
        checked(answer, logits=False, request_id="r")


@pytest.mark.parametrize("answer", [b"[]", b'[["a"]]', b"[[NaN]]", b"[[true]]", b'{"predictions": []}'])
def test_logits_that_are_no_numbers_are_its_failure(answer: bytes) -> None:
    """Only rows of finite numbers are passed on as logits."""
    with pytest.raises(ModelFailedError, match="another form"):
        checked(answer, logits=True, request_id="r")


def test_unexpected_errors_are_answered_and_logged_without_values(
    world: World, monkeypatch: pytest.MonkeyPatch, log: io.StringIO
) -> None:
    """A caller gets a 500 with the request id; the log names the error's class and place but none of its values."""

    event = {"image": encoded()}

    def explode(*_: Any) -> bytes:
        raise KeyError(event["image"])

    monkeypatch.setattr(predict, "load_image", explode)

    got, body, _ = call(event)

    assert (got, body["error"]) == (500, "Prediction")
    assert "KeyError" in log.getvalue()
    assert event["image"] not in log.getvalue() + json.dumps(body)


def test_logs_hold_no_secrets(world: World, log: io.StringIO) -> None:
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

    assert log.getvalue().count('"request_id":"request-1"') == 7
    for secret in ("hidden", encoded()[:12], "pixels", "test,", "AWS4-HMAC"):
        assert secret not in log.getvalue()


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


@pytest.mark.slow
@pytest.mark.skipif(not CORPORA.is_dir(), reason="the corpora are not in this checkout")
def test_any_event_gets_a_well_formed_answer(world: World) -> None:
    """Real events of other services, fuzzed JSON and naughty strings all end in a 4xx that a client can read."""
    count = 0
    for event in corpus_events():
        answer = predict.handler(event, Context())  # type: ignore[arg-type]
        body = json.loads(json.dumps(answer).encode("ascii"))["body"]
        assert answer["statusCode"] == 204 or 400 <= answer["statusCode"] < 500, (event, answer)
        assert answer["statusCode"] == 204 or set(json.loads(body)) == {"error", "message", "request_id"}
        count += 1

    assert count > 3000
    assert world.invocations == []


def test_import_stays_light() -> None:
    """Neither pydantic, nor X-Ray, nor a parser is imported on the way to a prediction."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    code = "import handlers.predict, sys; print({'pydantic', 'aws_xray_sdk', 'sagemaker'} & set(sys.modules))"

    printed = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True, timeout=60
    ).stdout

    assert printed.strip() == "set()"
