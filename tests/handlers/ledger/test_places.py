"""Keys of rows are written in handlers/ledger alone."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.handlers.environment import HANDLERS

_KEY = re.compile(r"[a-z]+#")


def test_no_key_of_a_row_is_written_out_elsewhere():
    """A prefix that is spelled twice drifts."""
    product = [path for folder in (HANDLERS, HANDLERS.parent / "ops") for path in folder.rglob("*.py")]

    assert [(path.name, text) for path in product if path.parent.name != "ledger" for text in _keys(path)] == []


def _keys(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _KEY.match(node.value):
            yield node.value
