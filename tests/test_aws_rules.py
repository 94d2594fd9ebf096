"""docs/aws-rules.md: every rule of AWS's names its page and tests that exist."""

import ast
import re
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[1]
_ROW = re.compile(r"^\| (?P<rule>.+?) \| (?P<source>.+?) \| (?P<tests>.+) \|$", re.MULTILINE)


def _rows(page: str) -> list[re.Match[str]]:
    return [row for row in _ROW.finditer((_ROOT / "docs" / page).read_text()) if not row["rule"].startswith("rule")]


@pytest.mark.parametrize("row", _rows("aws-rules.md"), ids=lambda row: row["rule"][:40])
def test_every_rule_names_its_source_and_tests_that_exist(row: re.Match[str]) -> None:
    """A rule without a page of AWS's or a model of botocore's, or whose test is gone, is hearsay."""
    tests = re.findall(r"`([\w/]+\.py)::(test_\w+)`", row["tests"])

    assert "https://" in row["source"] or "botocore" in row["source"], row["rule"]
    assert tests, row["rule"]
    for path, name in tests:
        tree = ast.parse((_ROOT / path).read_text(encoding="utf-8"))
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, f"{path}::{name}"


def test_every_open_question_has_a_command() -> None:
    """A question without the command that settles it stays open for ever."""
    rows = [row for row in _rows("aws-open-questions.md") if not row["rule"].startswith("question")]

    assert rows
    assert [row["rule"] for row in rows if "`" not in row["tests"]] == []
