"""docs/promises.md: every promise names tests, and every test it names exists."""

import ast
import re
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[1]
_ROWS = re.findall(r"^\| ([RS]\d+) \| (.+?) \| (.+) \|$", (_ROOT / "docs" / "promises.md").read_text(), re.MULTILINE)


def test_every_promise_is_there_once():
    """R1 to R19, R21 to R32 and S1 to S11, each with words and at least one test."""
    reliability = [f"R{number}" for number in (*range(1, 20), *range(21, 33))]
    assert [row[0] for row in _ROWS] == reliability + [f"S{number}" for number in range(1, 12)]


@pytest.mark.parametrize(("promise", "tests"), [(row[0], row[2]) for row in _ROWS])
def test_every_test_of_a_promise_exists(promise, tests):
    """A test that was renamed or deleted leaves its promise without proof."""
    named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", tests)

    assert named, promise
    for path, name in named:
        tree = ast.parse((_ROOT / "tests" / path).read_text(encoding="utf-8"))
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, f"{path}::{name}"
