"""Signed requests against servers that close, drip, lie about lengths and never answer."""

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from handlers.prediction.aws_http import Response, Service, TooLateError, TooLongError, UnreachableError, service_url

pytestmark = pytest.mark.account  # for sockets on 127.0.0.1

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
WORDLESS = "^$"  # what a TooLateError says: its class is all that the caller needs
Script = Callable[[socket.socket], None]


class Server:
    """Gives the n-th connection to the n-th script, the last one again and again; counts connections and requests."""

    def __init__(self, *scripts: Script) -> None:
        self.num_connections = 0
        self.requests: list[bytes] = []
        self._scripts = scripts
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def read(self, peer: socket.socket) -> bytes:
        """Read one request; empty when the other side has gone."""
        data = peer.recv(65536)
        while data and not data.endswith(b"\r\n\r\nbody"):
            more = peer.recv(65536)
            data = data + more if more else b""
        if data:
            self.requests.append(data)
        return data

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(3)

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            script = self._scripts[min(self.num_connections, len(self._scripts) - 1)]
            self.num_connections += 1
            thread = threading.Thread(target=self._run, args=(script, peer), daemon=True)
            self._threads.append(thread)
            thread.start()

    @staticmethod
    def _run(script: Script, peer: socket.socket) -> None:
        with peer:
            peer.settimeout(3)
            try:
                script(peer)
            except OSError:
                return


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start(*scripts: Callable[[Server, socket.socket], None]) -> Server:
        servers.append(Server(*((lambda peer, script=script: script(servers[-1], peer)) for script in scripts)))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def answering(server: Server, peer: socket.socket) -> None:
    """Answer every request on the connection."""
    while server.read(peer):
        peer.sendall(OK)


def closing(server: Server, peer: socket.socket) -> None:
    """Answer one request, promise to go on, and close."""
    server.read(peer)
    peer.sendall(OK)


def dripping(server: Server, peer: socket.socket) -> None:
    """Send one byte of the answer now and then."""
    server.read(peer)
    for byte in b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 100:
        peer.sendall(bytes([byte]))
        time.sleep(0.03)  # real time: all of it takes far longer than the caller waits


def silent(server: Server, peer: socket.socket) -> None:
    """Take the request and say nothing."""
    server.read(peer)
    server.read(peer)


def sending(data: bytes) -> Callable[[Server, socket.socket], None]:
    def script(server: Server, peer: socket.socket) -> None:
        server.read(peer)
        peer.sendall(data)

    return script


def ask(service: Service, seconds: float = 3.0) -> Response:
    return service.ask(
        "POST", "/x", {"Content-Type": "a"}, b"body", until=time.monotonic() + seconds, max_bytes=100
    )  # fmt: skip


def service(server: Server, answer_seconds: float = 3.0) -> Service:
    return Service(server.url, "sagemaker", "us-east-1", 1.0, answer_seconds)


def test_connection_is_kept_for_the_next_request(serve: Callable[..., Server]) -> None:
    """Two requests, one connection; both signed."""
    server = serve(answering)
    asked = service(server)

    answers = [ask(asked), ask(asked)]
    asked.close()

    assert [(one.status, one.body) for one in answers] == [(200, b"{}")] * 2
    assert server.num_connections == 1
    assert all(b"Authorization: AWS4-HMAC-SHA256 Credential=" in request for request in server.requests)


def test_kept_connection_that_was_closed_is_replaced_unnoticed(serve: Callable[..., Server]) -> None:
    """The service ends idle connections when it likes; the next caller does not see it."""
    server = serve(closing, answering)
    asked = service(server)
    ask(asked)

    again = ask(asked)
    asked.close()

    assert again.status == 200
    assert (server.num_connections, len(server.requests)) == (2, 2)


def test_new_connection_that_is_closed_is_told(serve: Callable[..., Server]) -> None:
    """It is the caller who decides whether to try again."""
    server = serve(sending(b""))

    with pytest.raises(UnreachableError, match="RemoteDisconnected"):
        ask(service(server))

    assert len(server.requests) == 1


@pytest.mark.parametrize("script", [dripping, silent])
@pytest.mark.parametrize(("seconds", "answer_seconds"), [(0.2, 3.0), (3.0, 0.2)])
def test_no_server_holds_the_caller_longer_than_agreed(
    serve: Callable[..., Server], script: Script, seconds: float, answer_seconds: float
) -> None:
    """Neither by silence nor by sending slowly; the whole time and the time for one answer both hold."""
    with pytest.raises(TooLateError, match=WORDLESS):
        ask(service(serve(script), answer_seconds), seconds)


def test_no_time_left_asks_nobody(serve: Callable[..., Server]) -> None:
    """A deadline that has passed opens no connection."""
    server = serve(answering)

    with pytest.raises(TooLateError, match=WORDLESS):
        ask(service(server), -1)

    assert server.num_connections == 0


def test_closed_port_is_unreachable() -> None:
    """The reason is the class of the failure, without its values."""
    with pytest.raises(UnreachableError, match="ConnectionRefusedError"):
        ask(Service("http://127.0.0.1:9", "sagemaker", "us-east-1", 1.0, 1.0))


def test_connection_that_is_not_made_in_time_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Told apart from a slow answer: nobody was asked, so another try is safe."""

    def never(*_: object, **__: object) -> None:
        raise TimeoutError

    monkeypatch.setattr(socket, "create_connection", never)

    with pytest.raises(UnreachableError, match=r"no connection within 1\.0 s"):
        ask(Service("http://127.0.0.1:9", "sagemaker", "us-east-1", 1.0, 1.0))


@pytest.mark.parametrize(
    ("data", "num_bytes"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n" + b"x" * 101, 101),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"x" * 300, None),
    ],
)
def test_answer_above_the_cap_is_not_read(serve: Callable[..., Server], data: bytes, num_bytes: int | None) -> None:
    """Whether it says its length or not."""
    with pytest.raises(TooLongError, match=f"^{num_bytes}$") as raised:
        ask(service(serve(sending(data))))

    assert raised.value.num_bytes == num_bytes


@pytest.mark.parametrize("data", [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", b"nonsense\r\n\r\n"])
def test_answer_that_is_broken_is_unreachable(serve: Callable[..., Server], data: bytes) -> None:
    """Half an answer is none."""
    with pytest.raises(UnreachableError, match=r"IncompleteRead|BadStatusLine"):
        ask(service(serve(sending(data))))


def test_service_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service's own variable, then the common one, then AWS's public address."""
    assert service_url("S3", "s3", "eu-west-1") == "https://s3.eu-west-1.amazonaws.com"
    assert service_url("S3", "s3", "cn-north-1") == "https://s3.cn-north-1.amazonaws.com.cn"
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    assert service_url("S3", "s3", "eu-west-1") == "http://127.0.0.1:1"
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:2")
    assert service_url("S3", "s3", "eu-west-1") == "http://127.0.0.1:2"
