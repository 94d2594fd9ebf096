"""The prediction function's surroundings: one server on loopback that plays endpoint, S3 and web server."""

import base64
import json
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from handlers import predict
from handlers.contract import strict_json
from handlers.prediction import s3_image
from tests.openapi import validator

ROOT = Path(__file__).resolve().parents[3]
CORPORA = ROOT.parent / "shared" / "corpora"
PNG = b"\x89PNG\r\n\x1a\n" + b"pixels of a dog"
IMAGES = {
    "image/jpeg": b"\xff\xd8\xff\xe0 jpeg",
    "image/png": PNG,
    "image/gif": b"GIF89a gif",
    "image/webp": b"RIFF\x00\x00\x00\x00WEBPVP8 ",
    "image/bmp": b"BM bmp",
    "image/tiff": b"II*\x00 tiff",
    "image/avif": b"\x00\x00\x00 ftypavif",
    "image/heic": b"\x00\x00\x00 ftypheic",
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
    invocations: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    file_status: int = 200
    hold: threading.Event | None = None  # nothing is answered before it is set
    gate: threading.Barrier | None = None  # a file is sent once so many are asked for
    endpoint_gate: threading.Barrier | None = None  # the endpoint answers once so many are waiting
    num_reads: int = 0  # of files
    num_connects: int = 0  # where a test counts them
    most_at_once: int = 0
    at_once: int = 0
    lock: Any = field(default_factory=threading.Lock)

    def allow(self, monkeypatch: pytest.MonkeyPatch, origin: str) -> None:
        """Let the function fetch from `origin` too."""
        monkeypatch.setenv("FETCH_ALLOWED_ORIGINS", f"{self.origin},{origin}")
        forget()

    def count(self, step: int) -> None:
        with self.lock:
            self.at_once += step
            self.most_at_once = max(self.most_at_once, self.at_once)

    def fails_with(self, status: int, code: str, **fields: Any) -> None:
        self.status, self.headers = status, {"x-amzn-ErrorType": code}
        self.body = json.dumps({"Message": f"{code} it is", **fields}).encode()


class Server(ThreadingHTTPServer):
    request_queue_size = 64  # the default refuses a sixth connection that comes at the same time

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a caller that has gone before its answer, as it does when that takes too long."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def request_handler(world: World) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            world.invocations.append((self.path, dict(self.headers), body))
            world.count(1)
            if world.hold:
                world.hold.wait(30)
            if world.endpoint_gate:
                world.endpoint_gate.wait(30)
            world.count(-1)
            if world.endpoint_gate:  # nobody is answered before all are counted out
                world.endpoint_gate.wait(30)
            self._send(world.status, world.body, world.headers)

        def do_GET(self) -> None:
            with world.lock:
                world.num_reads += 1
            file = world.files.get(self.path.partition("?")[0])
            missing = b"<Error><Code>NoSuchKey</Code></Error>"
            if world.gate:
                world.gate.wait(30)
            if world.hold:
                world.hold.wait(30)
            self._send(*((world.file_status, file) if file is not None else (404, missing)), {})

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
        "MAX_IMAGE_BYTES": "10000",
        "PREDICT_PREFIX": "pictures/", "FETCH_DEADLINE_SECONDS": "20", "ENDPOINT_READ_TIMEOUT_SECONDS": "20",
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
    predict.standby.cache_clear()
    s3_image.forget()


def call(event: Any) -> tuple[int, Any, dict[str, str]]:
    """Return status, body and headers of the answer, which is one that docs/openapi.yaml describes."""
    answer = predict.handler(event, Context())  # type: ignore[arg-type]
    body = strict_json.parse(answer["body"]) if answer["body"] else None
    schemas = ("Predictions", "Results", "Logits") if answer["statusCode"] == 200 else ("Failure",)
    assert body is None or any(validator(name).is_valid(body) for name in schemas), body
    return answer["statusCode"], body, answer["headers"]


def answered(body: dict[str, Any]) -> dict[str, Any]:
    """The body of a success without its times, which vary."""
    assert set(body["latency_ms"]) >= {"fetch", "endpoint", "total"}
    return {name: value for name, value in body.items() if name != "latency_ms"}


def encoded(image: bytes = PNG) -> str:
    return base64.b64encode(image).decode()
