"""The prediction function as deployed, in front of an endpoint that counts; for tests of whoever calls it."""

import io
import json
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from embedded_account.pytest_plugin import RunningAccount

ROOT = Path(__file__).resolve().parents[1]
PREDICTIONS = [
    {"class_name": name, "class_index": index, "probability": probability}
    for index, (name, probability) in enumerate((("daisy", 0.75), ("rose", 0.2), ("tulip", 0.05)))
]
MODEL = {"model_name": "resnet18", "training_job_name": "flowers-0123456789ab-1"}


@dataclass(frozen=True)
class Deployed:
    """A function of a running account."""

    name: str
    client: Any
    account: RunningAccount

    def log(self) -> str:
        """Return all that it has logged; nothing before it has run for the first time."""
        logs = self.account.client("logs")
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{self.name}")
        try:
            return "".join(event["message"] for page in pages for event in page["events"])
        except logs.exceptions.ResourceNotFoundException:
            return ""


@dataclass
class CountingEndpoint:
    """An endpoint that answers `status` once `go_on` is set, and counts."""

    url: str = ""
    status: int = 200
    code: str = ""
    num_asked: int = 0
    attributes: list[str] = field(default_factory=list)
    go_on: threading.Event = field(default_factory=threading.Event)
    lock: Any = field(default_factory=threading.Lock)


@contextmanager
def counting_endpoint() -> Iterator[CountingEndpoint]:
    """Run one on a free port."""
    counting = CountingEndpoint()
    content = json.dumps({"predictions": PREDICTIONS, "model": MODEL}).encode()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            with counting.lock:
                counting.num_asked += 1
                counting.attributes.append(self.headers["X-Amzn-SageMaker-Custom-Attributes"])
            counting.go_on.wait(60)
            self.send_response(counting.status)
            self.send_header("x-amzn-ErrorType", counting.code)
            self.send_header("X-Amzn-SageMaker-Custom-Attributes", "queue-ms=1.5; decode-ms=2.5; model-ms=12.0")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class's name)
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    counting.url = f"http://127.0.0.1:{server.server_port}"
    yield counting
    counting.go_on.set()
    server.shutdown()
    server.server_close()


@contextmanager
def prediction_function(account: RunningAccount, endpoint: CountingEndpoint) -> Iterator[Deployed]:
    """Deploy the prediction function, in front of `endpoint` and behind the alias `live`, with a URL."""
    role_arn = f"arn:aws:iam::{account.info.account_id}:role/tester"
    client, name = account.client("lambda"), f"predict-{endpoint.url.rpartition(':')[2]}"
    variables = {
        "BUCKET_NAME": "b", "PREDICT_PREFIX": "datasets/", "ENDPOINT_NAME": "e",
        "MAX_IMAGE_BYTES": "5000000", "FETCH_DEADLINE_SECONDS": "5",
        "ENDPOINT_READ_TIMEOUT_SECONDS": "10", "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": endpoint.url,
    }  # fmt: skip
    client.create_function(
        FunctionName=name, Runtime="python3.11", Handler="handlers.predict.handler", Role=role_arn, Timeout=30,
        MemorySize=1024, Code={"ZipFile": _package()}, Environment={"Variables": variables}, Publish=True,
    )  # fmt: skip
    client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    client.create_function_url_config(FunctionName=name, Qualifier="live", AuthType="AWS_IAM")
    yield Deployed(name, client, account)
    client.delete_function(FunctionName=name)


def _package() -> bytes:
    """Return the zip of the functions' code, as deploy.py makes it; the prediction function needs no layer."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in sorted(path for name in ("datasets", "handlers") for path in (ROOT / name).rglob("*.py")):
            archive.write(path, str(path.relative_to(ROOT)))
    return buffer.getvalue()
