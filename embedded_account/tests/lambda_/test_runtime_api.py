"""Only a function's own runtime answers for it: whatever else connects to its environment's port changes nothing."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from embedded_account.lambda_ import environment_process
from embedded_account.lambda_.packages import Packages
from embedded_account.lambda_.runtime_api import RuntimeApi, RuntimeRequest
from support.waiting import eventually

pytestmark = pytest.mark.account

# Source: Lambda developer guide, "Using the Lambda runtime API for custom runtimes".
NEXT = "GET /2018-06-01/runtime/invocation/next"
INIT_ERROR = "POST /2018-06-01/runtime/init/error"
SLOW = """
import os, time
def handler(event, context):
    time.sleep(event.get("seconds", 0))
    return {"api": os.environ["AWS_LAMBDA_RUNTIME_API"], "id": context.aws_request_id, "event": event}
"""
GARBAGE = (
    b"hello\r\n\r\n",
    b"GET\r\n\r\n",
    b"POST /2018-06-01/runtime/init/error HTTP/1.1\r\nContent-Length: many\r\n\r\n",
    b"POST /2018-06-01/runtime/init/error HTTP/1.1\r\nContent-Length: -5\r\n\r\n{}",
    b"POST /2018-06-01/runtime/init/error HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
)


@pytest.fixture
def api() -> Iterator[RuntimeApi]:
    """Give the API of an environment that is not there."""
    api = RuntimeApi()
    yield api
    api.close()


def _send(address: str, data: bytes) -> bytes:
    """Return what comes back within a second for `data`, sent to the host and port of `address`."""
    host, port = address.split("/", maxsplit=1)[0].split(":")
    with socket.create_connection((host, int(port)), timeout=1.0) as client:
        client.sendall(data)
        try:
            return client.recv(10_000)
        except (TimeoutError, ConnectionResetError):
            return b""


def _request(line: str, body: bytes = b"", secret: str = "") -> bytes:
    method, path = line.split(" ")
    prefix = f"/{secret}" if secret else ""
    return f"{method} {prefix}{path} HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def _received(api: RuntimeApi, seconds: float = 1.0) -> RuntimeRequest | None:
    """Return the next request that the API lets through, or None when there is none for `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if (request := api.receive(0.05)) is not None:
            return request
    return None


@pytest.mark.parametrize(
    "line", [NEXT, INIT_ERROR, "POST /2018-06-01/runtime/invocation/1/response", "POST /anything", "GET /"]
)
@pytest.mark.parametrize("secret", ["", "guessed"])
def test_request_without_the_secret_is_refused(api: RuntimeApi, line: str, secret: str) -> None:
    """It is answered with 403 and never reaches who waits for the runtime."""
    answers: list[bytes] = []
    stray = threading.Thread(target=lambda: answers.append(_send(api.address, _request(line, b"{}", secret))))
    stray.start()

    received = _received(api)

    stray.join()
    assert received is None
    assert answers[0].startswith(b"HTTP/1.1 403 ")


@pytest.mark.parametrize("data", GARBAGE, ids=range(len(GARBAGE)))
def test_garbage_ends_its_own_connection_alone(api: RuntimeApi, data: bytes) -> None:
    """What is no HTTP request is cut off; the runtime's next request arrives."""
    secret = api.address.partition("/")[2]
    senders = [threading.Thread(target=_send, args=(api.address, each)) for each in (data, _request(NEXT, b"", secret))]
    for sender in senders:
        sender.start()

    request = _received(api)

    assert request is not None
    assert f"{request.method} {request.path}" == NEXT
    request.answer("200 OK", {})
    for sender in senders:
        sender.join()


def test_secrets_of_environments_differ(api: RuntimeApi) -> None:
    """One function cannot answer for another."""
    other = RuntimeApi()
    secrets = {each.address.partition("/")[2] for each in (api, other)}
    other.close()

    assert len(secrets) == 2
    assert min(map(len, secrets)) >= 32


def test_stray_requests_do_not_answer_for_a_function(function: Any) -> None:
    """While the handler runs, POSTs to its environment's port, even by the right request id, change nothing."""
    deployed = function(SLOW)
    address = deployed.invoke().value["api"].split("/")[0]
    answers: list[Any] = []
    caller = threading.Thread(target=lambda: answers.append(deployed.invoke({"seconds": 1.5}).value))
    caller.start()

    strays = ("POST /2018-06-01/runtime/invocation/1/response", INIT_ERROR, NEXT, "POST /")
    while caller.is_alive():
        for line in strays:
            _send(address, _request(line, b'{"stray": true}'))
    caller.join()

    assert answers[0]["event"] == {"seconds": 1.5}
    assert answers[0]["api"].startswith(address)


def test_stray_request_for_work_takes_no_event(function: Any) -> None:
    """A GET of next on an idle environment gets 403, and the next event reaches the handler."""
    deployed = function(SLOW)
    first = deployed.invoke().value
    stray = threading.Thread(target=_send, args=(first["api"], _request(NEXT)))
    stray.start()

    second = deployed.invoke({"number": 2}).value

    stray.join()
    assert (second["api"], second["event"]) == (first["api"], {"number": 2})


CHEATING = """
import http.client, os
def post(path, body):
    address, _, secret = os.environ["AWS_LAMBDA_RUNTIME_API"].partition("/")
    connection = http.client.HTTPConnection(address, timeout=5)
    connection.request("POST", f"/{secret}/2018-06-01/runtime/{path}", body)
    return connection.getresponse().status
def handler(event, context):
    return [post("invocation/other/response", "1"), post("init/error", "{}"), post("invocation/next", "1")]
"""


def test_only_the_invocation_under_way_is_answered(function: Any) -> None:
    """With the secret, another request id or a path out of turn is refused, and the handler's answer counts."""
    assert function(CHEATING).invoke().value == [400, 400, 400]


@pytest.mark.parametrize("source", ["raise KeyError('no')", "import missing_module"])
def test_runtime_started_anew_reports_an_init_error(tmp_path: Path, bare_account: Any, source: str) -> None:
    """Where environments are not forks, what goes wrong in the import reaches the API by the same secret path."""
    (tmp_path / "app.py").write_text(source)
    api = RuntimeApi()
    variables = {
        "PATH": os.environ["PATH"],
        "AWS_LAMBDA_RUNTIME_API": api.address,
        "PYTHONPATH": os.pathsep.join([str(tmp_path), str(Packages(bare_account).runtime())]),
    }
    command = [sys.executable, "-S", "-s", "-P", environment_process.__file__, "app.handler"]
    with subprocess.Popen(command, env=variables, stderr=subprocess.DEVNULL) as process:  # noqa: S603
        request = eventually(lambda: api.receive(0.1))
        assert request is not None
        request.answer("202 Accepted", {})
        process.wait(10)
    api.close()

    assert f"{request.method} {request.path}" == INIT_ERROR
    assert json.loads(request.body)["errorType"] in ("KeyError", "Runtime.ImportModuleError")
