"""A server of images, as a test wants it to behave; `serve` starts one, or several."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from handlers.prediction.fetch import fetch
from handlers.prediction.urls import Fetchable

CORPUS = Path(__file__).resolve().parents[4] / "shared" / "corpora" / "ssrf-urls" / "urls.jsonl"
IMAGE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8
CAP = 100_000


class Server:
    """A server on a free loopback port that hands every connection to `script`, and remembers what it was asked."""

    def __init__(self, script: Callable[[socket.socket, bytes], None], tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[bytes] = []
        self.sent = 0
        self._script = script
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def origin(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def close(self) -> None:
        if self._listener.fileno() >= 0:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
        self._thread.join(2)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            try:
                with connection if self._tls is None else self._tls.wrap_socket(connection, server_side=True) as peer:
                    peer.settimeout(5)
                    request = peer.recv(65536)
                    self.requests.append(request)
                    self._script(peer, request)
            except OSError:
                connection.close()


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    servers = []

    def start(script: Callable[[socket.socket, bytes], None] | bytes, tls: ssl.SSLContext | None = None) -> Server:
        run = script if callable(script) else (lambda peer, _request: peer.sendall(script))
        servers.append(Server(run, tls))
        return servers[-1]

    yield start

    for server in servers:
        server.close()


def answer(body: bytes = IMAGE, *headers: str, status: str = "200 OK", length: int | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def get(server: Server, path: str = "/dog.png", deadline_seconds: float = 5.0) -> bytes:
    return fetch(
        server.origin + path,
        max_bytes=CAP,
        deadline_seconds=deadline_seconds,
        fetchable=Fetchable(frozenset({server.origin})),
    )


def redirect_to(location: str) -> bytes:
    return answer(b"", f"Location: {location}", status="302 Found")
