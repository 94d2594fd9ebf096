"""CONNECT: the account is the HTTPS proxy of clients that have AWS's addresses written in them.

What is below amazonaws.com is answered by the account itself; every other host is reached as without it.
Source: RFC 9110, "CONNECT".
"""

import selectors
import socket
from contextlib import suppress

from embedded_account.aws_addresses.authority import DOMAIN

_CONNECT_SECONDS = 20
_IDLE_SECONDS = 350.0  # as AWS's own NAT gateways and load balancers for TCP have it
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


def relay(client: socket.socket, server: socket.socket, idle_seconds: float = _IDLE_SECONDS) -> None:
    """Pass on what either side sends until one of them is done, or neither sent or took anything for so long."""
    with selectors.DefaultSelector() as selector, suppress(OSError):
        for source, other in ((client, server), (server, client)):
            source.settimeout(idle_seconds)
            selector.register(source, selectors.EVENT_READ, (source, other))
        while ready_ones := selector.select(idle_seconds):
            for ready, _ in ready_ones:
                source, other = ready.data
                block = source.recv(_BLOCK_BYTES)
                if not block:
                    return
                other.sendall(block)
