"""Where a redriven execution goes on: in each set of states at the one that had failed, with the input that it had.

A state of parts goes on at those of its parts that had failed or were aborted. The history tells all of it: an event
names the one before it, so each belongs to the iteration or the branch that it follows from.
Source: Step Functions developer guide, "Restarting state machine executions with redrive", "Redrive behavior of
individual states".
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Event = dict[str, Any]
_TOO_LARGE = "States.DataLimitExceeded"


@dataclass(frozen=True)
class Done:
    """A part that had succeeded: it is not run again."""

    output: Any


@dataclass(frozen=True)
class Beginning:
    """A state, its input, the variables of then, and, of its iterations or branches, those that had begun."""

    state: str
    value: Any
    variables: dict[str, Any] = field(default_factory=dict)
    parts: Mapping[int, "Beginning | Done"] = field(default_factory=dict)


def beginning(definition: dict[str, Any], value: Any, events: list[Event]) -> Beginning:
    """Return where an execution with these events goes on; its start, where it came to no state."""
    where = Beginning(definition["StartAt"], value)
    for attempt in _attempts(events):
        where = _next(definition, attempt, where)
    return where


def _attempts(events: list[Event]) -> Iterator[list[Event]]:
    """Yield the events of the execution and of each of its redrives."""
    starts = [number for number, event in enumerate(events) if event["type"] == "ExecutionRedriven"]
    for first, end in zip([0, *starts], [*starts, len(events)], strict=True):
        yield events[first:end]


def _next(scope: dict[str, Any], events: list[Event], before: Beginning) -> Beginning:
    """Return where a set of states goes on that began at `before`, and to which these events happened since."""
    states = scope["States"]
    entries = [number for number, event in enumerate(events) if _entered(event) in states]
    if not entries:
        return before
    entry = events[entries[-1]]["stateEnteredEventDetails"]
    variables = dict(before.variables)
    for exited in (event["stateExitedEventDetails"] for event in events if _exited(event) in states):
        variables |= {name: _plain(text) for name, text in (exited.get("assignedVariables") or {}).items()}
    known = before.parts if len(entries) == 1 and entry["name"] == before.state else {}
    parts = _parts(states[entry["name"]], entry["name"], events[entries[-1] + 1 :], known)
    return Beginning(entry["name"], json.loads(entry.get("input") or "{}"), variables, parts)


def _parts(
    state: dict[str, Any], name: str, events: list[Event], known: Mapping[int, Beginning | Done]
) -> Mapping[int, Beginning | Done]:
    """Return the parts of a state, those of the attempts before among them; none, where all are to run again."""
    if state["Type"] == "Map":
        processor = state.get("ItemProcessor") or state["Iterator"]
        groups = _grouped(events, lambda event: _iteration(event, name))
        scopes = dict.fromkeys(groups, processor)
    elif state["Type"] == "Parallel":
        scopes = dict(enumerate(state["Branches"]))
        groups = _grouped(events, lambda event: _branch(event, state["Branches"]))
    else:
        return {}
    new = {number: _part(scopes[number], group, known.get(number)) for number, group in groups.items()}
    parts = {**known, **{number: part for number, part in new.items() if part is not None}}
    is_rerun = all(isinstance(part, Done) for part in parts.values()) and any(map(_is_too_large, events))
    return {} if is_rerun else parts


def _part(scope: dict[str, Any], events: list[Event], before: Beginning | Done | None) -> Beginning | Done | None:
    """Return where one iteration or branch goes on, or that it is done; nothing where it came to no state."""
    begun = before if isinstance(before, Beginning) else Beginning("", None)
    where = _next(scope, events, begun)
    left = [event["stateExitedEventDetails"] for event in events if _exited(event) == where.state]
    entries = [event for event in events if _entered(event) == where.state]
    state = scope["States"].get(where.state, {})
    if left and len(left) == len(entries) and (state.get("End") or state["Type"] == "Succeed"):
        return Done(json.loads(left[-1]["output"]))
    return where if where.state else None


def _grouped(events: list[Event], part_of: Callable[[Event], int | None]) -> dict[int, list[Event]]:
    """Return the events of each part: those of which `part_of` knows it, and those that follow from these."""
    owners: dict[int, int | None] = {}
    groups: dict[int, list[Event]] = {}
    for event in events:
        part = part_of(event)
        owner = owners.get(event["previousEventId"]) if part is None else part
        owners[event["id"]] = owner
        if owner is not None:
            groups.setdefault(owner, []).append(event)
    return groups


def _iteration(event: Event, map_name: str) -> int | None:
    details = event.get("mapIterationStartedEventDetails") or {}
    index: int | None = details.get("index") if details.get("name") == map_name else None
    return index


def _branch(event: Event, branches: list[dict[str, Any]]) -> int | None:
    name = _entered(event)
    return next((number for number, branch in enumerate(branches) if name in branch["States"]), None)


def _entered(event: Event) -> str | None:
    return (event.get("stateEnteredEventDetails") or {}).get("name")


def _exited(event: Event) -> str | None:
    return (event.get("stateExitedEventDetails") or {}).get("name")


def _is_too_large(event: Event) -> bool:
    return bool((event.get("executionFailedEventDetails") or {}).get("error") == _TOO_LARGE)


def _plain(text: str) -> Any:
    """Return the value of a variable in an event; a text stands between quotes, whatever is in it."""
    try:
        return json.loads(text)
    except ValueError:
        return text.removeprefix('"').removesuffix('"')
