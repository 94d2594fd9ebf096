"""The HTTP side of an instance: admission, health, and an orderly end."""

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse
from typing import Any

import pytest
from embedded_account.sagemaker.containers.serving import admission
from embedded_account.sagemaker.containers.serving.admission import Admission
from embedded_account.sagemaker.containers.serving.server import Server
from support.waiting import eventually

pytestmark = pytest.mark.account  # sockets on 127.0.0.1


class Running:
    """A server whose model repeats the body, once `release` is set if the body says wait."""

    def __init__(self, num_workers: int = 2, queue_size: int = 2) -> None:
        self.release = threading.Event()
        self.started = threading.Semaphore(0)
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        self.admission = Admission(num_workers, queue_size)
        self.server = Server(listener, self.answer, self.admission)
        self.server.start()

    def answer(self, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        self.started.release()
        if body == b"fail":
            raise RuntimeError("out of luck")
        if body == b"wait":
            assert self.release.wait(10)
        own = {"X-Amzn-SageMaker-Custom-Attributes": "trace-id=7"} if body == b"own" else {}
        return 200, {"Content-Type": headers.get("Accept", "text/plain"), **own}, body

    def connection(self) -> HTTPConnection:
        return HTTPConnection("127.0.0.1", self.port, timeout=10)

    def invoke(self, body: bytes) -> tuple[int, bytes]:
        with closing(self.connection()) as connection:
            connection.request("POST", "/invocations", body, {"Accept": "text/x"})
            response = connection.getresponse()
            return response.status, response.read()

    def attributes(self, body: bytes) -> str:
        with closing(self.connection()) as connection:
            connection.request("POST", "/invocations", body)
            return connection.getresponse().headers["X-Amzn-SageMaker-Custom-Attributes"]

    def queue_ms(self, body: bytes) -> float:
        return float(self.attributes(body).removeprefix("queue-ms="))

    def ping(self) -> int:
        with closing(self.connection()) as connection:
            connection.request("GET", "/ping")
            return connection.getresponse().status

    def send(self, data: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as raw:
            raw.sendall(data)
            return b"".join(iter(lambda: raw.recv(65536), b""))


@pytest.fixture
def running() -> Iterator[Running]:
    """A server of two workers and a queue of two."""
    running = Running()
    yield running
    running.release.set()
    assert running.server.drain(10)


def test_answers_on_a_connection_that_stays_open(running: Running) -> None:
    """Several requests of one caller use one connection, and headers reach the model and the caller."""
    connection = running.connection()
    for body in (b"one", b"", b"x" * 300_000):
        connection.request("POST", "/invocations", body, {"Accept": "text/x"})
        response = connection.getresponse()

        assert (response.status, response.headers["Content-Type"], response.read()) == (200, "text/x", body)
        assert connection.sock is not None
    connection.close()


def test_requests_over_the_queue_are_refused_at_once(running: Running) -> None:
    """Two at work and two that wait are taken; the rest get 503 with a retry hint while those still run."""
    with ThreadPoolExecutor(8) as pool:
        taken = [pool.submit(running.invoke, b"wait") for _ in range(4)]
        eventually(lambda: running.admission.num_waiting == 2)

        connection = running.connection()
        connection.request("POST", "/invocations", b"more")
        refused: HTTPResponse = connection.getresponse()

        assert (refused.status, refused.headers["Retry-After"]) == (503, "1")
        assert b"2 requests wait, as many as may" in refused.read()
        assert not any(future.done() for future in taken)
        running.release.set()
        assert [future.result() for future in taken] == [(200, b"wait")] * 4
        connection.request("POST", "/invocations", b"later")
        assert connection.getresponse().read() == b"later"
        connection.close()


def test_answers_say_how_long_their_requests_waited(running: Running) -> None:
    """In the header that SageMaker hands on: nothing for a free worker, the whole wait for a busy one."""
    with ThreadPoolExecutor(3) as pool:
        busy = [pool.submit(running.invoke, b"wait") for _ in range(2)]
        for _ in busy:
            assert running.started.acquire(timeout=30)
        began = time.monotonic()
        waiting = pool.submit(running.queue_ms, b"late")
        eventually(lambda: running.admission.num_waiting == 1)
        time.sleep(0.02)  # real time: it has waited at least so long by then
        running.release.set()

        assert 20 <= waiting.result() <= 1000 * (time.monotonic() - began)
    assert running.queue_ms(b"alone") >= 0


def test_attributes_of_the_model_are_left_alone(running: Running) -> None:
    """What the user's code says to its callers is not overwritten."""
    assert running.attributes(b"own") == "trace-id=7"


def test_ping_does_not_wait_behind_requests(running: Running) -> None:
    """A busy instance is a healthy one."""
    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(running.invoke, b"wait") for _ in range(4)]
        eventually(lambda: running.admission.num_waiting == 2)

        assert running.ping() == 200
        running.release.set()
        assert {future.result()[0] for future in futures} == {200}


def test_ping_tells_that_a_worker_is_stuck(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """One request for longer than it may take: the instance is to be replaced."""
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(running.invoke, b"wait")
        assert running.started.acquire(timeout=10)
        monkeypatch.setattr(running.admission, "_max_seconds", 0.0)

        assert running.ping() == 503
        running.release.set()
        future.result()


def test_drain_answers_what_has_arrived(running: Running) -> None:
    """Requests at work, in the queue and just sent are answered; then nothing is accepted any more."""
    idle = running.connection()
    idle.connect()
    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(running.invoke, b"wait") for _ in range(4)]
        eventually(lambda: running.admission.num_waiting == 2)

        draining = threading.Thread(target=running.server.drain, args=(10,))
        draining.start()
        eventually(lambda: running.server._draining)
        assert not any(future.done() for future in futures)
        running.release.set()

        assert [future.result() for future in futures] == [(200, b"wait")] * 4
        draining.join(10)
    assert not draining.is_alive()
    idle.close()
    with pytest.raises(OSError, match=r"refused|reset"):
        running.connection().connect()


def test_drain_gives_up_on_a_request_that_does_not_end(running: Running) -> None:
    """The instance ends all the same, and says so."""
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(running.invoke, b"wait")
        assert running.started.acquire(timeout=10)

        assert not running.server.drain(0.05)
        running.release.set()
        future.result()


def test_exception_of_the_model_is_500_and_not_the_end(running: Running, capfd: pytest.CaptureFixture[str]) -> None:
    """Its traceback goes to the log; the next request is answered."""
    assert running.invoke(b"fail")[0] == 500
    assert running.invoke(b"next") == (200, b"next")
    assert "out of luck" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET /ping SPDY/3\r\n\r\n", 400),
        (b"POST /invocations HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"POST /invocations HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST /invocations HTTP/1.1\r\nContent-Length: 99999999999999\r\n\r\n", 413),
        (b"POST /invocations HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
        (b"GET /ping HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n", 431),
        (b"GET /models HTTP/1.1\r\nConnection: close\r\n\r\n", 404),
        (b"GET /invocations HTTP/1.1\r\nConnection: close\r\n\r\n", 405),
        (b"GET /ping HTTP/1.0\r\n\r\n", 200),
    ],
)
def test_requests_that_are_none_get_their_status(running: Running, data: bytes, status: int) -> None:
    """And the connection is closed, since what follows on it cannot be understood."""
    answer = running.send(data)

    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"Connection: close" in answer


def test_body_that_ends_early_gets_no_answer(running: Running) -> None:
    """A caller that goes away while it sends costs nothing."""
    with socket.create_connection(("127.0.0.1", running.port), timeout=10) as raw:
        raw.sendall(b"POST /invocations HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc")
        raw.shutdown(socket.SHUT_WR)

        assert raw.recv(100) == b""


def test_callers_that_ask_before_they_send_are_told_to(running: Running) -> None:
    """curl does for large bodies, and would wait a second for it."""
    with socket.create_connection(("127.0.0.1", running.port), timeout=10) as raw:
        raw.sendall(b"POST /invocations HTTP/1.1\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        assert raw.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        raw.sendall(b"abc")

        assert raw.recv(1000).endswith(b"abc")


def test_waiting_ends_when_nobody_listens_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that no worker took within the callers' time-out gives its place back."""
    admitted: Any = Admission(1, 1)
    monkeypatch.setattr(admission, "INVOCATION_SECONDS", 0.01)

    with admitted.worker(), pytest.raises(admission.FullError, match="no worker was free"), admitted.worker():
        pass

    assert admitted.num_waiting == 0
    with admitted.worker():
        pass


def test_workers_are_given_in_the_order_of_arrival() -> None:
    """Whoever waits longest is next, also before a request that comes when a worker becomes free."""
    admitted = Admission(1, 8)
    order: list[int] = []

    def ask(number: int) -> None:
        with admitted.worker():
            order.append(number)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    with admitted.worker():
        for number, thread in enumerate(threads):
            thread.start()
            eventually(lambda number=number: admitted.num_waiting == number + 1)  # type: ignore[misc]
    ask(8)
    for thread in threads:
        thread.join(10)

    assert order == list(range(9))
