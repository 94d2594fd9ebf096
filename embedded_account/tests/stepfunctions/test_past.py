"""What is kept of executions that are over."""

from types import SimpleNamespace
from typing import Any

from embedded_account.stepfunctions import past
from embedded_account.stepfunctions.past import PastWorker, close


def _events(count: int) -> list[dict[str, Any]]:
    return [{"id": number, "previousEventId": number - 1, "type": "PassStateEntered"} for number in range(1, count + 1)]


def test_history_of_what_is_over_is_packed() -> None:
    """A caller gets a copy, so one that turns it round turns nobody else's."""
    worker = PastWorker(_events(100), ["token"])

    assert worker.events == _events(100)
    assert len(worker._packed) < 1000
    worker.events.reverse()
    assert worker.events == _events(100)


def test_newest_executions_of_a_machine_are_kept(monkeypatch: Any) -> None:
    """Of those that are over the oldest go; one that runs stays however old it is."""
    monkeypatch.setattr(past, "_MOST_ENDED", 3)
    monkeypatch.setattr(past, "_SPARE", 1)
    machine = SimpleNamespace(executions=[])
    pool = SimpleNamespace(_pool={})
    for number in range(6):
        environment = SimpleNamespace(callback_pool_manager=pool)
        worker = SimpleNamespace(env=environment)
        status = "RUNNING" if number == 0 else "SUCCEEDED"
        output = {"events": _events(number)}
        execution = SimpleNamespace(
            number=number, status=status, exec_worker=worker, state_machine=machine, to_history_output=output.copy
        )
        machine.executions.append(execution)
        close(execution)

    assert [each.number for each in machine.executions] == [0, 3, 4, 5]
    assert len(machine.executions[-1].exec_worker.events) == 5
