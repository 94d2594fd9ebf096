"""AWS's own addresses: clients that have them written in reach this account, which is their HTTPS proxy on request.

Nothing of it is there until `embedded-account status --export --aws-addresses` asks for it.
"""

from contextlib import suppress
from functools import partial
from http import HTTPStatus
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from embedded_account.account import Account
from embedded_account.aws_addresses import tunnels
from embedded_account.aws_addresses.hosts import as_asked_here
from embedded_account.control import ADDRESSES_PATH
from embedded_account.control_paths import Answer, ControlRequest, serve_path
from embedded_account.http import Handler

if TYPE_CHECKING:
    from embedded_account.aws_addresses.authority import Authority

_CLOSED = "the account is no proxy; `embedded-account status --export --aws-addresses` makes it one"


def install(account: Account) -> None:
    """Let whoever knows the account's secret key ask for its certificate; the account is a proxy from then on."""
    addresses = account.singleton(AwsAddresses)

    def answer(_request: ControlRequest) -> Answer:
        return HTTPStatus.OK, {"Certificate": str(addresses.open())}

    serve_path(account, ADDRESSES_PATH, answer)


class AwsAddresses:
    """Answers CONNECT, as the server's `connect`."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._lock = Lock()
        self._authority: Authority | None = None

    def open(self) -> Path:
        """Return the file of the certificate that clients are to trust; made at the first call."""
        from embedded_account.aws_addresses.authority import Authority

        path = self._account.folder / "aws-addresses.pem"
        with self._lock:
            if self._authority is None:
                authority = Authority(self._account.folder, f"embedded account at {self._account.url}")
                path.write_bytes(authority.certificate)
                self._authority = authority
        return path

    def connect(self, handler: Handler) -> None:
        """Answer in the place of a host of AWS, or pass on what is for any other."""
        host = handler.path.rpartition(":")[0].lower()
        if self._authority is None:
            handler.send_error(HTTPStatus.FORBIDDEN, _CLOSED)
        elif tunnels.is_of_aws(host):
            own_host = urlsplit(self._account.url).netloc
            handler.begin_tls(self._authority.context(host), partial(as_asked_here, own_host=own_host))
        else:
            _pass_on(handler)


def _pass_on(handler: Handler) -> None:
    handler.close_connection = True
    try:
        server = tunnels.connect(handler.path)
    except (OSError, ValueError) as error:
        handler.send_error(HTTPStatus.BAD_GATEWAY, f"{handler.path[:100]}: {error}")
        return
    with server, suppress(OSError):
        handler.accept_tunnel()
        tunnels.relay(handler.connection, server)
