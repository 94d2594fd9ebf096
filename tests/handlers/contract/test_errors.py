"""Every failure that a handler raises is a sentence with its next step, which every state can carry."""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

from handlers.contract import errors
from handlers.contract.errors import MAX_CHARACTERS, RetrieverError

_HANDLERS = Path(__file__).resolve().parents[3] / "handlers"
_CLASSES = [one for _, one in inspect.getmembers(errors, inspect.isclass) if issubclass(one, RetrieverError)]
_NAMES = {one.__name__ for one in _CLASSES}
_BETWEEN = (";", ",")  # what is wrong, and what to do


def _words(node: ast.expr) -> str | None:
    """Return what a message is made of, "{}" for a value; None where it is somebody else's."""
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)  # type: ignore[misc]
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _raised() -> Iterator[tuple[str, str]]:
    """Yield where a handler raises one of its errors, and the message."""
    for path in sorted(_HANDLERS.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Raise):
                continue
            call = node.exc
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in _NAMES and call.args:
                words = _words(call.args[0])
                if words is not None:
                    yield f"{path.relative_to(_HANDLERS)}:{node.lineno}", words


def test_every_failure_of_the_code_names_a_next_step() -> None:
    """After what was seen comes what was expected or what to do, in one line."""
    raised = dict(_raised())

    assert len(raised) > 30
    assert {where: words for where, words in raised.items() if not any(mark in words for mark in _BETWEEN)} == {}
    assert {where: words for where, words in raised.items() if "\n" in words or words != words.strip()} == {}


@pytest.mark.parametrize("kind", _CLASSES, ids=lambda kind: kind.__name__)
def test_no_message_is_longer_than_a_state_carries(kind: type[RetrieverError]) -> None:
    """An error that does not fit would end an execution without its report; beginning and remedy stay."""
    message = str(kind("class 'a' is missing" + ", 'b'" * 100_000 + "; add it"))

    assert len(message) == MAX_CHARACTERS
    assert message.startswith("class 'a' is missing")
    assert message.endswith("; add it")
