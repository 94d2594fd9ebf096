"""The Lambda Runtime API of one execution environment: a listener of its own on 127.0.0.1.

The API's paths carry no environment id, hence one listener each. No thread serves it: whoever owns the environment for
an invocation waits here for what the runtime says, which saves two thread switches on the way of a warm invocation.
"""

import selectors
import socket
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

_MAX_HEADER_BYTES = 2_097_152  # the runtime may send an X-Ray fault of up to 1 MiB as a header
_SEND_SECONDS = 30.0


@dataclass(frozen=True)
class RuntimeRequest:
    """What the runtime sent: GET .../invocation/next, or POST .../response or .../error."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    connection: "_Connection"

    def answer(self, status: str, headers: Mapping[str, str], body: bytes = b"") -> None:
        """Send the response; a runtime that is gone meanwhile is noticed by who waits for it, not here."""
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *(f"{k}: {v}" for k, v in headers.items())]
        with suppress(OSError):
            self.connection.socket.sendall("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)


@dataclass
class _Connection:
    socket: socket.socket
    buffer: bytearray = field(default_factory=bytearray)

    def take_request(self) -> RuntimeRequest | None:
        """Return the next request if it has arrived whole."""
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self.buffer) > _MAX_HEADER_BYTES:
                raise ValueError("runtime request: its headers are too large")
            return None
        first, *lines = self.buffer[:end].decode("latin-1").split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = self._take_body(headers, end + 4)
        if body is None:
            return None
        method, path, _ = first.split(" ", 2)
        return RuntimeRequest(method, path, headers, body, self)

    def _take_body(self, headers: dict[str, str], start: int) -> bytes | None:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return self._take_chunked(start)
        stop = start + int(headers.get("content-length", 0))
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
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        self._connections: list[_Connection] = []
        self._requests: deque[RuntimeRequest] = deque()
        self.hung_up = False  # a connection has ended; the process may have ended with it

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
        self.hung_up = False
        self._connections.append(connection)
        self._selector.register(client, selectors.EVENT_READ, lambda: self._read(connection))

    def _read(self, connection: _Connection) -> None:
        try:
            data = connection.socket.recv(262_144)
        except OSError:
            data = b""
        if not data:
            self._selector.unregister(connection.socket)
            connection.socket.close()
            self._connections.remove(connection)
            self.hung_up = True
            return
        connection.buffer += data
        while (request := connection.take_request()) is not None:
            self._requests.append(request)
