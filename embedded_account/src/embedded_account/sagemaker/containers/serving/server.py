"""HTTP/1.1 for one instance: a thread a connection, connections that stay open, and an orderly end.

Written for little work a request: the standard library's handler parses headers as if they were mail, 0.15 ms.
"""

import json
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from typing import IO, NamedTuple, cast

from .admission import Admission, FullError

MAX_BODY_BYTES = 1 << 30  # of an asynchronous request; others are held to less before they come here
ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
_MAX_LINE_BYTES = 65_536
_MAX_HEADERS = 128
_IDLE_SECONDS = 600.0
Answer = tuple[int, dict[str, str], bytes]


class BadRequestError(Exception):
    """What was sent is no request that can be answered on this connection; `status` says why."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Request(NamedTuple):
    """A request but its body."""

    method: str
    path: str
    headers: dict[str, str]
    num_body_bytes: int
    keeps_open: bool
    expects_continue: bool


class Server:
    """Answers GET /ping and POST /invocations on the sockets that `listener` accepts.

    A connection on which nobody says anything for `idle_seconds` is closed.
    """

    def __init__(
        self,
        listener: socket.socket,
        answer: Callable[[bytes, dict[str, str]], Answer],
        admission: Admission,
        *,
        idle_seconds: float = _IDLE_SECONDS,
    ) -> None:
        self._listener = listener
        self._answer = answer
        self._admission = admission
        self._idle_seconds = idle_seconds
        self._changed = threading.Condition()
        self._connections: dict[socket.socket, bool] = {}  # whether one is in the middle of a request
        self._draining = False

    def start(self) -> None:
        """Begin to accept connections, in a thread."""
        threading.Thread(target=self._accept, name="accept", daemon=True).start()

    def drain(self, seconds: float) -> bool:
        """Take no more connections, answer what has arrived, and return whether that was done within `seconds`."""
        with suppress(OSError):  # of the last accept, or of a listener that an earlier call closed
            self._listener.setblocking(False)
            while True:  # callers that have connected and were not accepted yet
                self._take(self._listener.accept()[0])
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RD)  # wakes the thread that accepts
        with self._changed:
            self._draining = True
            for connection, is_busy in self._connections.items():
                if not is_busy:
                    _stop_reading(connection)
            return self._changed.wait_for(lambda: not self._connections, seconds)

    def _accept(self) -> None:
        with self._listener:
            while not self._draining:
                try:
                    connection, _ = self._listener.accept()
                except BlockingIOError:
                    continue  # drained meanwhile
                except OSError:
                    return
                self._take(connection)

    def _take(self, connection: socket.socket) -> None:
        """Serve a new connection, in a thread of its own."""
        connection.setblocking(True)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(self._idle_seconds)
        with self._changed:
            self._connections[connection] = False
        threading.Thread(target=self._serve, args=(connection,), name="connection", daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection, connection.makefile("rb", buffering=1 << 16) as stream:
                while self._serve_one(connection, cast("IO[bytes]", stream)):
                    pass
        except OSError:
            pass  # the caller has gone, or said nothing for long
        finally:
            with self._changed:
                del self._connections[connection]
                self._changed.notify_all()

    def _serve_one(self, connection: socket.socket, stream: IO[bytes]) -> bool:
        """Answer one request; return whether the connection stays open."""
        line = stream.readline(_MAX_LINE_BYTES)
        if not line:
            return False
        self._mark(connection, busy=True)
        try:
            request = read_request(line, stream)
            if request.expects_continue:
                connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            body = stream.read(request.num_body_bytes)
            if len(body) < request.num_body_bytes:
                return False
            answer = self._respond(request, body)
            keeps_open = request.keeps_open
        except BadRequestError as error:
            answer, keeps_open = problem(error.status, str(error)), False
        keeps_open = keeps_open and not self._draining
        connection.sendall(encode(answer, keeps_open))
        self._mark(connection, busy=False)
        return keeps_open

    def _mark(self, connection: socket.socket, *, busy: bool) -> None:
        with self._changed:
            self._connections[connection] = busy
            if self._draining and not busy:
                _stop_reading(connection)

    def _respond(self, request: Request, body: bytes) -> Answer:
        if request.path == "/ping":
            return self._ping()
        if request.path != "/invocations":
            return problem(404, f"{request.path!r} is not served; use /invocations or /ping")
        if request.method != "POST":
            return problem(405, f"{request.method!r} is not served; use POST")
        try:
            with self._admission.worker() as waited_seconds:
                return _with_queue_time(self._answer(body, request.headers), waited_seconds)
        except FullError as error:
            status, headers, content = problem(503, str(error))
            return status, headers | {"Retry-After": "1"}, content
        except Exception:  # noqa: BLE001 (a container answers 500 and lives on)
            traceback.print_exc()
            return problem(500, "Worker died.")

    def _ping(self) -> Answer:
        """The model was loaded before the server started; what can have changed is said here."""
        if self._draining:
            return problem(503, "this instance is being taken out of service")
        if self._admission.is_stuck:
            return problem(503, "a worker has been busy with one request for longer than it may take")
        return 200, {}, b""


def _with_queue_time(answer: Answer, seconds: float) -> Answer:
    """Say in `answer` how long its request has waited, in the one header that SageMaker hands on to the caller.

    What the model itself has put there stays as it is.
    """
    status, headers, content = answer
    return status, {ATTRIBUTES: f"queue-ms={1000 * seconds:.2f}"} | headers, content


def read_request(line: bytes, stream: IO[bytes]) -> Request:
    """Return the request that begins with `line`; the headers are read from `stream`, the body is not.

    Raises:
        BadRequestError: it is no HTTP/1 request, or its body has no length or too large a one.
    """
    parts = line.decode("latin-1").split()
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise BadRequestError(400, "the request line is not one of HTTP/1.1")
    headers = _read_headers(stream)
    known = {name.lower(): value for name, value in headers.items()}
    if "transfer-encoding" in known:
        raise BadRequestError(411, "a body needs a Content-Length")
    length = known.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        raise BadRequestError(400, f"Content-Length {length!r} is not a number")
    if int(length[:12]) > MAX_BODY_BYTES:
        raise BadRequestError(413, f"the body has {length} bytes; at most {MAX_BODY_BYTES:,} are taken")
    connection = known.get("connection", "").lower()
    keeps_open = connection != "close" if parts[2] == "HTTP/1.1" else connection == "keep-alive"
    expects_continue = known.get("expect", "").lower() == "100-continue"
    return Request(parts[0], parts[1], headers, int(length), keeps_open, expects_continue)


def _read_headers(stream: IO[bytes]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for _ in range(_MAX_HEADERS):
        line = stream.readline(_MAX_LINE_BYTES)
        if line in (b"\r\n", b"\n"):
            return headers
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon or not line.endswith(b"\n"):
            raise BadRequestError(400, "a header has no colon, no end, or more than 64 KB")
        headers[name] = value.strip()
    raise BadRequestError(431, f"more than {_MAX_HEADERS} headers")


def problem(status: int, message: str) -> Answer:
    """Return an answer in the form in which the PyTorch container reports its own problems."""
    kind = "".join(HTTPStatus(status).phrase.title().split()) + "Exception"
    fields = {"code": status, "type": kind, "message": message}
    return status, {"Content-Type": "application/json"}, json.dumps(fields).encode()


def encode(answer: Answer, keeps_open: bool) -> bytes:
    """Return the bytes of an answer, which leave in one piece."""
    status, headers, content = answer
    lines = [f"HTTP/1.1 {status} {_PHRASES.get(status, 'Unknown')}", f"Content-Length: {len(content)}"]
    lines += [f"{name}: {value}".replace("\r", " ").replace("\n", " ") for name, value in headers.items()]
    if not keeps_open:
        lines.append("Connection: close")
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + content


_PHRASES = {status.value: status.phrase for status in HTTPStatus}


def _stop_reading(connection: socket.socket) -> None:
    """Let what has arrived be read, and then the end; a reader that waits is woken."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RD)


def log(message: str) -> None:
    """Write a line to the container's log."""
    print(message, file=sys.stderr, flush=True)  # noqa: T201
