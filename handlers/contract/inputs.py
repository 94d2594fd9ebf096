"""What is wrong with an event or a state's input, in one sentence: people start executions and functions by hand."""

import reprlib
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from handlers.contract.errors import InputError

_MAX_PROBLEMS = 3


def problems(error: ValidationError) -> str:
    """Return where the input is wrong and how, of the first few places; pydantic's own text has an address in it."""
    errors = error.errors(include_url=False)
    told = [_problem(one["type"], ".".join(map(str, one["loc"])), one["msg"], one["input"]) for one in errors]
    more = len(told) - _MAX_PROBLEMS
    return ", ".join(told[:_MAX_PROBLEMS]) + (f" and {more} more" if more > 0 else "")


def _problem(kind: str, where: str, message: str, value: object) -> str:
    if kind == "missing":
        return f"{where} is missing"
    return f"{where or 'all of it'} is {reprlib.repr(value)} ({message[:1].lower()}{message[1:]})"


def part(event: Mapping[str, Any], *path: str) -> str:
    """Return the text at a path of an event.

    Raises:
        InputError: there is none.
    """
    value: Any = event
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    if not isinstance(value, str):
        kind = event.get("detail-type")
        raise InputError(f"event {kind!r}: {'.'.join(path)} is {reprlib.repr(value)}; send the event as AWS sends it")
    return value
