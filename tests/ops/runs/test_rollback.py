"""ops/runs/rollback.py: what runs is ended before the way back is asked for, unless it deploys."""

from datetime import UTC, datetime
from typing import Any

import pytest

from ops.errors import ExecutionError
from ops.runs import executions, rollback
from ops.runs.executions import Execution, StateProgress

NOW = datetime(2026, 11, 29, tzinfo=UTC)


class _Machine:
    """The calls that end an execution."""

    def __init__(self) -> None:
        self.stopped: list[str] = []

    def stop_execution(self, **request: str) -> None:
        self.stopped.append(request["executionArn"])


@pytest.fixture
def machine() -> _Machine:
    """Give the state machine's executions as they are ended."""
    return _Machine()


@pytest.fixture
def session(machine: _Machine) -> Any:
    """Give a session with that state machine."""
    return type("Session", (), {"stepfunctions": machine, "flags": " --local"})()


def _let_run(monkeypatch: pytest.MonkeyPatch, state: str) -> None:
    """Let one execution be in `state`."""
    going = Execution("arn:x:pets-1", "pets-1", "RUNNING", NOW, None, "pets", [StateProgress(state, NOW)])
    monkeypatch.setattr(executions, "running", lambda *_: [{"executionArn": going.arn}])
    monkeypatch.setattr(executions, "load", lambda *_: going)
    monkeypatch.setattr(executions, "wait_until_ended", lambda *_: None)


def test_an_execution_that_trains_is_ended(monkeypatch: pytest.MonkeyPatch, session: Any, machine: _Machine) -> None:
    """Its hours must not stand in the way."""
    _let_run(monkeypatch, "StartTrainingJob")

    rollback.stop_running(session, session)

    assert machine.stopped == ["arn:x:pets-1"]


def test_an_execution_that_deploys_is_not_cut_off(
    monkeypatch: pytest.MonkeyPatch, session: Any, machine: _Machine
) -> None:
    """Its update would go on without it; the command that waits is said."""
    _let_run(monkeypatch, "DeployEndpoint")

    with pytest.raises(ExecutionError, match=r"in DeployEndpoint and soon over; .*`deploy\.py watch pets-1 --local`"):
        rollback.stop_running(session, session)
    assert machine.stopped == []
