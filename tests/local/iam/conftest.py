"""An account of its own that enforces permissions."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from local import control
from local.iam.permissions import SWITCH
from tests.conftest import RunningAccount
from tests.local.roles import new_role


@pytest.fixture(autouse=True)
def _enforcing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an account in this process enforce permissions."""
    monkeypatch.setenv(SWITCH, "enforce")


@pytest.fixture(scope="session")
def enforcing_at_speed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[float], Any]]:
    """Give a running account that enforces permissions, by the speed of its clock."""
    running: dict[float, RunningAccount] = {}

    def start(speed: float) -> RunningAccount:
        if speed not in running:
            folder = tmp_path_factory.mktemp("enforcing") / ".local"
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv(SWITCH, "enforce")
                running[speed] = RunningAccount(control.start(folder, clock_speed=speed), folder)
            new_role(running[speed], "tester")
        return running[speed]

    yield start
    for one in running.values():
        control.stop(one.folder)


@pytest.fixture(scope="session")
def enforcing(enforcing_at_speed: Callable[[float], Any]) -> Any:
    """Give the one on the real clock."""
    return enforcing_at_speed(1.0)
