"""CONNECT: the account is the HTTPS proxy of clients that have AWS's addresses written in them.

What is below amazonaws.com is answered by the account itself; every other host is reached as without it.
Source: RFC 9110, "CONNECT".
"""

import selectors
import socket
from contextlib import suppress

from embedded_account.aws_addresses.authority import DOMAIN

_CONNECT_SECONDS = 20
_BLOCK_BYTES = 1 << 16


def is_of_aws(host: str) -> bool:
    """Return whether the account answers in the place of `host`."""
    return host.endswith(f".{DOMAIN}")


def connect(target: str) -> socket.socket:
    """Return a connection to `target`, a host and a port.

    Raises:
        OSError: there is none to be had.
        ValueError: the target is none.
    """
    host, _, port = target.rpartition(":")
    return socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_SECONDS)


def relay(client: socket.socket, server: socket.socket) -> None:
    """Pass on what either side sends until one of them is done."""
    with selectors.DefaultSelector() as selector, suppress(OSError):
        for source, other in ((client, server), (server, client)):
            source.settimeout(None)
            selector.register(source, selectors.EVENT_READ, (source, other))
        while True:
            for ready, _ in selector.select():
                source, other = ready.data
                block = source.recv(_BLOCK_BYTES)
                if not block:
                    return
                other.sendall(block)
