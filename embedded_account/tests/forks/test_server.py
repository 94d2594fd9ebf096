"""The account's side of a fork server."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from embedded_account.account import Account
from embedded_account.forks.server import IS_SUPPORTED, ForkServer

pytestmark = pytest.mark.skipif(not IS_SUPPORTED, reason="forks are made on Linux alone")


def test_a_server_that_hears_nothing_is_lost_at_once(tmp_path: Path) -> None:
    """Before the listener has heard of its end, so that who asks again gets another server and not this one."""

    def spawn(*_: Any, **__: Any) -> None:
        """Start nothing: the server's end of the connection closes with the call."""

    def start_thread(*_: Any) -> None:
        """Let the listener never run."""

    account = cast(Account, SimpleNamespace(processes=SimpleNamespace(spawn=spawn), start_thread=start_thread))
    server = ForkServer(account, Path("kind.py"), options=[], env={}, folder=tmp_path)

    assert server.fork({"Environment": {}, "Folder": str(tmp_path)}, []) is None
    assert server.lost
    server._control.close()
