"""Where a redriven execution goes on, from its history alone.

Source: Step Functions developer guide, "Restarting state machine executions with redrive".
"""

from itertools import count
from typing import Any

from embedded_account.stepfunctions.beginnings import Beginning, Done, beginning

_TASK = {"Type": "Task", "End": True}


class History:
    """Writes events as the interpreter does: each names the one before it."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self._ids = count(1)

    def add(self, kind: str, after: int, details: str = "", **members: Any) -> int:
        """Add an event behind another; return its number."""
        number = next(self._ids)
        event = {"id": number, "previousEventId": after, "type": kind}
        self.events.append(event | ({details: members} if details else {}))
        return number

    def enter(self, name: str, after: int, given: str = "{}") -> int:
        """Enter a state."""
        return self.add("StateEntered", after, "stateEnteredEventDetails", name=name, input=given)

    def leave(self, name: str, after: int, output: str = "{}", **variables: str) -> int:
        """Leave a state."""
        members = {"name": name, "output": output} | ({"assignedVariables": variables} if variables else {})
        return self.add("StateExited", after, "stateExitedEventDetails", **members)

    def iterate(self, index: int, after: int) -> int:
        """Begin an iteration of the Map state A."""
        return self.add("MapIterationStarted", after, "mapIterationStartedEventDetails", name="A", index=index)


def test_execution_that_came_to_no_state_begins_at_its_start() -> None:
    """With the input that it was given."""
    assert beginning({"StartAt": "A", "States": {"A": _TASK}}, {"x": 1}, []) == Beginning("A", {"x": 1})


def test_variables_of_before_are_there_again() -> None:
    """As the states that were left have assigned them; those of an iteration are its own."""
    history = History()
    history.enter("A", 0)
    history.leave("A", 1, n="3", text='"a"b"')
    history.leave("inner", 2, other="1")
    history.enter("B", 2, '{"x": 1}')

    where = beginning({"StartAt": "A", "States": {"A": {"Type": "Pass"}, "B": _TASK}}, {}, history.events)

    assert where == Beginning("B", {"x": 1}, {"n": 3, "text": 'a"b'})


def test_iterations_are_told_apart_by_what_they_follow_from() -> None:
    """Their events may come in any order; one that was left at its last state is done."""
    history = History()
    entered = history.enter("A", 0, "[7, 8]")
    first, second = history.iterate(0, entered), history.iterate(1, entered)
    second = history.enter("B", second, "8")
    first = history.enter("B", first, "7")
    history.leave("B", second, "80")

    where = beginning(_map({"B": _TASK}), [7, 8], history.events)

    assert where == Beginning("A", [7, 8], {}, {0: Beginning("B", 7), 1: Done(80)})


def test_iterations_of_one_worker_follow_each_other() -> None:
    """With a MaxConcurrency an iteration's first event names the last of the one before."""
    history = History()
    before = history.enter("A", 0, "[7, 8]")
    for index in range(2):
        before = history.enter("B", history.iterate(index, before), f"{7 + index}")
        before = history.leave("B", before, f"{70 + index}") if index == 0 else before

    where = beginning(_map({"B": _TASK}), [7, 8], history.events)

    assert where.parts == {0: Done(70), 1: Beginning("B", 8)}


def test_iterations_of_an_earlier_visit_are_forgotten() -> None:
    """A Map state in a loop begins anew each time."""
    history = History()
    entered = history.enter("A", 0)
    last = history.leave("B", history.enter("B", history.iterate(0, entered)), "1")
    history.enter("A", history.leave("A", last))

    assert beginning(_map({"B": _TASK}), {}, history.events).parts == {}


def test_state_whose_result_was_too_large_runs_all_its_parts() -> None:
    """Developer guide: for States.DataLimitExceeded those that had succeeded are run again too."""
    history = History()
    entered = history.enter("A", 0)
    last = history.leave("B", history.enter("B", history.iterate(0, entered)), "1")
    history.add("ExecutionFailed", last, "executionFailedEventDetails", error="States.DataLimitExceeded")

    assert beginning(_map({"B": _TASK}), {}, history.events) == Beginning("A", {})


def _map(states: dict[str, Any]) -> dict[str, Any]:
    processor = {"StartAt": "B", "States": states}
    return {"StartAt": "A", "States": {"A": {"Type": "Map", "ItemProcessor": processor, "End": True}}}
