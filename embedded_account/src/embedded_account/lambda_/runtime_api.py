"""The Lambda Runtime API of one execution environment: a listener of its own on 127.0.0.1.

The API's paths carry no environment id, hence one listener each. No thread serves it: whoever owns the environment for
an invocation waits here for what the runtime says, which saves two thread switches on the way of a warm invocation.

Any program of the machine can connect to the listener. What counts is what bears the environment's secret, which the
runtime has from AWS_LAMBDA_RUNTIME_API: HOST:PORT/SECRET, in front of each path.
"""

import hmac
import secrets
import selectors
import socket
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

_MAX_HEADER_BYTES = 2_097_152  # the runtime may send an X-Ray fault of up to 1 MiB as a header
_SEND_SECONDS = 30.0
_PATHS = "/2018-06-01/runtime"
NEXT = f"GET {_PATHS}/invocation/next"
INIT_ERROR = f"POST {_PATHS}/init/error"


def answers_of(request_id: str) -> tuple[str, str]:
    """Return the requests by which the runtime ends the invocation `request_id`: its response, or its error."""
    path = f"POST {_PATHS}/invocation/{request_id}"
    return f"{path}/response", f"{path}/error"


class _StrayError(Exception):
    """Whoever sent this does not know the environment's secret."""


@dataclass(frozen=True)
class RuntimeRequest:
    """What the runtime sent: GET .../invocation/next, or POST .../response or .../error; `path` lacks the secret."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    connection: "_Connection"

    @property
    def line(self) -> str:
        """The method and the path."""
        return f"{self.method} {self.path}"

    def refuse(self) -> None:
        """Answer that it comes out of turn, or for another invocation than the one under way."""
        headers = {"Content-Type": "application/json"}
        self.answer("400 Bad Request", headers, b'{"errorType":"InvalidStateTransition","errorMessage":"out of turn"}')

    def answer(self, status: str, headers: Mapping[str, str], body: bytes = b"") -> None:
        """Send the response; a runtime that is gone meanwhile is noticed by who waits for it, not here."""
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *(f"{k}: {v}" for k, v in headers.items())]
        with suppress(OSError):
            self.connection.socket.sendall("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)


@dataclass
class _Connection:
    socket: socket.socket
    buffer: bytearray = field(default_factory=bytearray)
    is_runtime: bool = False  # it has borne the secret

    def take_request(self, secret: str) -> RuntimeRequest | None:
        """Return the next request if it has arrived whole.

        Raises:
            _StrayError: its path does not begin with `secret`; nothing of its body is read.
            ValueError: it is no HTTP request.
        """
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self.buffer) > _MAX_HEADER_BYTES:
                raise ValueError("runtime request: its headers are too large")
            return None
        first, *lines = self.buffer[:end].decode("latin-1").split("\r\n")
        method, path, _ = first.split(" ")
        borne, _, path = path.removeprefix("/").partition("/")
        if not hmac.compare_digest(borne.encode(), secret.encode()):
            raise _StrayError
        self.is_runtime = True
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = self._take_body(headers, end + 4)
        if body is None:
            return None
        return RuntimeRequest(method, f"/{path}", headers, body, self)

    def _take_body(self, headers: dict[str, str], start: int) -> bytes | None:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return self._take_chunked(start)
        size = int(headers.get("content-length", 0))
        if size < 0:
            raise ValueError(f"Content-Length: {size}")
        stop = start + size
        if len(self.buffer) < stop:
            return None
        body = bytes(self.buffer[start:stop])
        del self.buffer[:stop]
        return body

    def _take_chunked(self, start: int) -> bytes | None:
        chunks = []
        while (line_end := self.buffer.find(b"\r\n", start)) >= 0:
            size = int(self.buffer[start:line_end].split(b";")[0], 16)
            stop = line_end + 2 + size + 2
            if len(self.buffer) < stop:
                return None
            chunks.append(bytes(self.buffer[line_end + 2 : stop - 2]))
            start = stop
            if size == 0:
                del self.buffer[:stop]
                return b"".join(chunks)
        return None


class RuntimeApi:
    """Waits for requests of the runtime, and for output on the files that are watched beside them."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=8)
        self._secret = secrets.token_urlsafe(24)
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}/{self._secret}"
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        self._connections: list[_Connection] = []
        self._requests: deque[RuntimeRequest] = deque()
        self.hung_up = False  # a connection of the runtime has ended; the process may have ended with it

    def watch(self, file_descriptor: int, read: Callable[[], bool]) -> None:
        """Call `read` whenever there is something on `file_descriptor`, until it returns False."""

        def read_or_forget() -> None:
            if not read():
                self._selector.unregister(file_descriptor)
                self.hung_up = True

        self._selector.register(file_descriptor, selectors.EVENT_READ, read_or_forget)

    def receive(self, timeout_seconds: float) -> RuntimeRequest | None:
        """Return the runtime's next request, or None when none has come after one wait of at most the time-out."""
        if not self._requests:
            for key, _ in self._selector.select(max(0.0, timeout_seconds)):
                key.data()
        return self._requests.popleft() if self._requests else None

    def close(self) -> None:
        """Close the listener and every connection."""
        self._selector.close()
        self._listener.close()
        for connection in self._connections:
            connection.socket.close()

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.settimeout(_SEND_SECONDS)
        connection = _Connection(client)
        self._connections.append(connection)
        self._selector.register(client, selectors.EVENT_READ, lambda: self._read(connection))

    def _read(self, connection: _Connection) -> None:
        try:
            data = connection.socket.recv(262_144)
        except OSError:
            data = b""
        if not data:
            self._drop(connection)
            return
        connection.buffer += data
        try:
            while (request := connection.take_request(self._secret)) is not None:
                self._requests.append(request)
                self.hung_up = False
        except _StrayError:
            with suppress(OSError):
                connection.socket.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            self._drop(connection)
        except ValueError:
            self._drop(connection)

    def _drop(self, connection: _Connection) -> None:
        self._selector.unregister(connection.socket)
        connection.socket.close()
        self._connections.remove(connection)
        self.hung_up = self.hung_up or connection.is_runtime
