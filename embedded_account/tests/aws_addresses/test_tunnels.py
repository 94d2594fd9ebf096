"""The account as a proxy: what it passes on, and when."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import pytest
from embedded_account.account import Account
from embedded_account.aws_addresses import AwsAddresses
from embedded_account.aws_addresses.tunnels import relay
from embedded_account.http import make_server

pytestmark = pytest.mark.account


def test_nothing_is_passed_on_until_it_is_asked_for(bare_account: Account) -> None:
    """An account whose addresses nobody exported is no proxy."""
    with _serving(AwsAddresses(bare_account)) as address:
        answer = _asked(address, "CONNECT 127.0.0.1:9 HTTP/1.1\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 403 the account is no proxy")


def test_other_host_is_reached_as_without_a_proxy(bare_account: Account) -> None:
    """The bytes are those of the host itself, and so is its certificate."""
    addresses = AwsAddresses(bare_account)
    addresses.open()
    with _serving(addresses) as address, _echoing() as echo:
        answer = _asked(address, f"CONNECT 127.0.0.1:{echo} HTTP/1.1\r\n\r\n", then=b"\x16\x03not TLS")

    assert answer == b"HTTP/1.1 200 Connection established\r\n\r\n\x16\x03not TLS"


def test_connection_that_nobody_uses_is_ended() -> None:
    """A client that forgets to close it would keep a thread and two sockets for as long as the account runs."""
    client, proxy = socket.socketpair()
    outward, host = socket.socketpair()
    with client, proxy, outward, host:
        passing = Thread(target=relay, args=(proxy, outward, 0.5))
        passing.start()

        client.sendall(b"asked")

        assert host.recv(100) == b"asked"
        passing.join(timeout=30)
        assert not passing.is_alive()


@pytest.mark.parametrize("target", ["127.0.0.1:1", "nobody", "127.0.0.1:port"])
def test_host_that_is_not_to_be_had_is_told(bare_account: Account, target: str) -> None:
    """The client reads which, as from any proxy."""
    addresses = AwsAddresses(bare_account)
    addresses.open()
    with _serving(addresses) as address:
        answer = _asked(address, f"CONNECT {target} HTTP/1.1\r\n\r\n")

    assert answer.startswith(f"HTTP/1.1 502 {target}".encode())


def test_listener_of_a_function_is_no_proxy(bare_account: Account) -> None:
    """Servers other than the account's own refuse."""
    with _serving(None) as address:
        answer = _asked(address, "CONNECT sts.amazonaws.com:443 HTTP/1.1\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 405 ")


@contextmanager
def _serving(addresses: AwsAddresses | None) -> Iterator[tuple[str, int]]:
    """Give the address of a server with `addresses`."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = make_server(listener, lambda *_: [], lambda: 0.0)
    if addresses:
        server.connect = addresses.connect
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield "127.0.0.1", server.port
    server.shutdown()
    server.server_close()
    thread.join()


@contextmanager
def _echoing() -> Iterator[int]:
    """Give the port of a server that sends back what one connection sent first."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def echo() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(connection.recv(1024))

        thread = Thread(target=echo)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def _asked(address: tuple[str, int], request: str, then: bytes = b"") -> bytes:
    """Return all that is answered to `request`, and to what is sent once it was granted."""
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(request.encode())
        answer = connection.recv(1024)
        connection.sendall(then)
        while block := connection.recv(1024):
            answer += block
    return answer
