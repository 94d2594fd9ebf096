"""Connections that are used again, to a server that closes them when it likes."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest
from embedded_account.sagemaker.containers.serving.admission import Admission
from embedded_account.sagemaker.containers.serving.server import Server
from embedded_account.sagemaker.endpoints.connections import Connections, NotConnectedError, UnansweredError

pytestmark = pytest.mark.account  # sockets on 127.0.0.1

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Scripted:
    """A server that takes connections one after the other; each answers so many requests and then closes.

    With `closes_after_reading` it reads one request more, which it does not answer.
    """

    def __init__(self, *num_answers: int, closes_after_reading: bool = False) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.num_read = 0
        self._closes_after_reading = closes_after_reading
        threading.Thread(target=self._run, args=(num_answers,), daemon=True).start()

    def _run(self, num_answers: tuple[int, ...]) -> None:
        with self._listener:
            for count in num_answers:
                with self._listener.accept()[0] as connection:
                    for _ in range(count):
                        self._read(connection)
                        connection.sendall(_ANSWER)
                    if self._closes_after_reading:
                        self._read(connection)

    def _read(self, connection: socket.socket) -> None:
        request = b""
        while not request.endswith(b"\r\n\r\nx"):
            request += connection.recv(65_536)
        self.num_read += 1


@pytest.fixture
def connect() -> Iterator[Callable[..., Connections]]:
    """Give `connect(port, is_alive=True)`, whose connections are closed at the end."""
    with ExitStack() as stack:

        def connect(port: int, *, is_alive: bool = True) -> Connections:
            return stack.enter_context(closing(Connections(port, lambda: is_alive)))

        yield connect


def _post(connections: Connections, body: bytes = b"x") -> tuple[int, bytes]:
    status, _, content = connections.post("/invocations", body, {}, 5.0)
    return status, content


def test_request_after_an_idle_time_is_answered(connect: Callable[..., Connections]) -> None:
    """What the container has closed meanwhile is not used again: the first prediction after a break succeeds."""
    listener = socket.create_server(("127.0.0.1", 0))
    connections = connect(listener.getsockname()[1])
    server = Server(listener, lambda body, headers: (200, {}, body), Admission(1, 1), idle_seconds=0.1)
    server.start()

    assert _post(connections, b"before") == (200, b"before")
    time.sleep(0.3)  # real time: longer than the server keeps an idle connection
    assert _post(connections, b"after") == (200, b"after")

    assert server.drain(5)


def test_open_connection_is_used_again(connect: Callable[..., Connections]) -> None:
    """Two requests one after the other need one connection."""
    server = Scripted(2)
    connections = connect(server.port)

    assert [_post(connections), _post(connections)] == [(200, b"ok")] * 2


def test_request_that_was_not_read_is_sent_again(connect: Callable[..., Connections]) -> None:
    """A connection that closes just as it is used again costs a second connection, not an error."""
    server = Scripted(1, 1, closes_after_reading=True)
    connections = connect(server.port)
    _post(connections)

    assert _post(connections) == (200, b"ok")


def test_request_is_not_sent_again_to_a_dead_container(connect: Callable[..., Connections]) -> None:
    """A container that ended while it worked on the request has seen it: the request may have been what ended it."""
    server = Scripted(1, 1, closes_after_reading=True)
    connections = connect(server.port, is_alive=False)
    _post(connections)

    with pytest.raises(UnansweredError, match="closed connection without response"):
        _post(connections)

    assert server.num_read == 2


def test_request_on_a_new_connection_is_sent_once(connect: Callable[..., Connections]) -> None:
    """A connection made for the request was not idle: that it broke has another reason, which is told."""
    server = Scripted(0, 0, closes_after_reading=True)
    connections = connect(server.port)

    with pytest.raises(UnansweredError, match="closed connection without response"):
        _post(connections)

    assert server.num_read == 1


def test_container_that_does_not_listen_has_not_seen_the_request(connect: Callable[..., Connections]) -> None:
    """Another instance may take it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    with pytest.raises(NotConnectedError, match="refused"):
        _post(connect(port))
