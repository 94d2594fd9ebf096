"""How long a fetch takes and how much it reads, whatever the server does.

How soon after its deadline a fetch ends is measured by bench/bench_predict.py; here it ends while the server goes on.
"""

import gzip
import socket
import threading
import time
from collections.abc import Callable

import pytest

from handlers.prediction.errors import ImageTooLargeError, NotAnImageError, OutOfTimeError, PredictionError
from handlers.prediction.fetch import fetch
from tests.handlers.prediction.image_server import CAP, Server, answer, get

pytestmark = pytest.mark.account  # for sockets on 127.0.0.1

FRAMING = 64 * 1024  # what headers and framing may take beyond the cap
Script = Callable[[socket.socket, bytes], None]
HUGE = 400_000_000


def drip(first: bytes, then: bytes) -> Script:
    """Send `first`, then `then` again and again, for as long as the other side listens, a minute at most."""

    def script(peer: socket.socket, _request: bytes) -> None:
        peer.sendall(first)
        for _ in range(1200):
            peer.sendall(then)
            if not then:
                peer.settimeout(60)
                peer.recv(1)  # returns when the other side has gone
                return
            time.sleep(0.05)  # real time: it never pauses for as long as the caller waits, and never ends

    return script


@pytest.mark.parametrize(
    "script",
    [
        drip(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n", b"x"),
        drip(b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
        drip(b"HTTP/1.1 200 OK\r\nX-A: ", b"b"),
        drip(b"", b""),
    ],
    ids=["body", "body without a length", "headers", "silence"],
)
def test_fetch_ends_while_the_server_goes_on(serve: Callable[..., Server], script: Script) -> None:
    """However slowly a server sends, the caller is free again long before it is done."""
    server = serve(script)
    started = time.monotonic()

    with pytest.raises(OutOfTimeError, match=r"took longer than 0\.3 s"):
        get(server, deadline_seconds=0.3)

    assert time.monotonic() - started < 30  # the servers go on for a minute


def test_deadline_holds_over_redirects(serve: Callable[..., Server]) -> None:
    """Each hop has only the time that the ones before it left."""

    def script(peer: socket.socket, _request: bytes) -> None:
        time.sleep(0.2)  # real time: less than the caller waits, twice it is more
        peer.sendall(answer(b"", "Location: /next", status="302 Found"))

    with pytest.raises(OutOfTimeError, match="took longer"):
        get(serve(script), deadline_seconds=0.3)


def test_deadline_holds_over_a_slow_resolver() -> None:
    """A lookup cannot be interrupted, so it is left behind."""
    go_on = threading.Event()

    def slow(_host: str, _port: int) -> list[str]:
        go_on.wait(60)
        return ["1.1.1.1"]

    started = time.monotonic()
    with pytest.raises(OutOfTimeError, match="took longer"):
        fetch("https://slow.example/a.jpg", max_bytes=CAP, deadline_seconds=0.2, resolve=slow)
    go_on.set()

    assert time.monotonic() - started < 30


def endless(first: bytes) -> Script:
    """Send `first` and then 400 MB, or as much of it as the other side takes."""

    def script(peer: socket.socket, _request: bytes) -> None:
        peer.sendall(first)
        for _ in range(HUGE // 100_000):
            peer.sendall(b"x" * 100_000)

    return script


def zipped(peer: socket.socket, _request: bytes) -> None:
    """Send 80 MB of zeros as 0.4 MB of gzip."""
    peer.sendall(answer(gzip.compress(bytes(80_000_000), 1), "Content-Encoding: gzip"))


@pytest.mark.parametrize(
    ("script", "error"),
    [
        (endless(b"HTTP/1.1 200 OK\r\n\r\n"), ImageTooLargeError),
        (endless(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % HUGE), ImageTooLargeError),
        (endless(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"), None),
        (endless(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5f5e100\r\n"), ImageTooLargeError),
        (zipped, NotAnImageError),
    ],
    ids=["400 MB", "400 MB with a length", "a length that lies", "one chunk of 100 MB", "80 MB in gzip"],
)
def test_fetch_reads_no_more_than_its_cap(
    serve: Callable[..., Server],
    monkeypatch: pytest.MonkeyPatch,
    script: Script,
    error: type[PredictionError] | None,
) -> None:
    """At most 64 KiB beyond the image's cap come out of the socket, and nothing is decoded."""
    server, num_read = serve(script), 0
    receive = socket.socket.recv_into

    def counted(sock: socket.socket, *arguments: int) -> int:
        nonlocal num_read
        received = receive(sock, *arguments)  # type: ignore[arg-type]
        num_read += received
        return received

    monkeypatch.setattr(socket.socket, "recv_into", counted)

    if error is None:
        assert get(server) == b"x" * 5
    else:
        with pytest.raises(error, match=r"^url: "):
            get(server)

    assert 0 < num_read <= CAP + FRAMING
