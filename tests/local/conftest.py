"""What the tests of the embedded account's parts share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.account import Account
from local.clock import Clock


@pytest.fixture
def bare_account(tmp_path: Path) -> Iterator[Account]:
    """Give an account without services or server, for a part that needs only its folder, clock and processes."""
    account = Account(tmp_path, "http://127.0.0.1:9", "us-east-1", Clock())
    yield account
    account.stop()
