"""What the tests of the embedded account's parts share."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from embedded_account.account import Account
from embedded_account.clock import Clock
from embedded_account.pytest_plugin import RunningAccount
from support.functions import Deployed, make_function

# What tests hand to functions, machines, schedules and jobs when their subject is not who may do what: every service
# may assume them, and they may do everything.
_ROLES = ("tester", "serving", "pipeline", "scheduler", "sagemaker")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the README's examples and the modules that have slow tests: no worker ends with a long one alone."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (item.path.name != "test_examples.py", item.path not in slow))


@pytest.fixture(scope="session")
def account_options() -> dict[str, Any]:
    """Record what each role used."""
    return {"record_permissions": True}


@pytest.fixture(scope="session")
def account_roles() -> tuple[str, ...]:
    """Give each account the roles that tests hand out."""
    return _ROLES


@pytest.fixture(scope="session")
def fast(account_at_speed: Callable[[float], RunningAccount]) -> RunningAccount:
    """Give an account whose minutes take half a second."""
    return account_at_speed(120)


@pytest.fixture
def bare_account(tmp_path: Path) -> Iterator[Account]:
    """Give an account without services or server, for a part that needs only its folder, clock and processes."""
    account = Account(tmp_path, "http://127.0.0.1:9", "us-east-1", Clock())
    yield account
    account.stop()


@pytest.fixture
def function(account: RunningAccount) -> Callable[..., Deployed]:
    """Give `function(source, **settings)`, which creates a function in the shared account."""
    return lambda source, **settings: make_function(account, source, **settings)
