"""What every test of both suites keeps to; a number says how many do not yet, and only ever falls."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SUITES = [ROOT / "tests", ROOT / "embedded_account" / "tests"]
LONGEST_NAME = 60
LONG_NAMES = 35
RAISES_WITHOUT_MATCH = 25
IMPORTS_FROM_TESTS = 18


def test_names_of_tests_are_short():
    """A name of at most 60 characters, so that it fits a line of pytest's report; the sentence is the docstring's."""
    long_names = [
        f"{place}: {node.name}"
        for place, node in nodes()
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and len(node.name) > LONGEST_NAME
    ]

    assert_falls(long_names, LONG_NAMES)


def test_what_is_raised_is_matched():
    """`pytest.raises` looks at the message too: another error of the same class is no pass."""
    unmatched = [
        f"{place}: {ast.unparse(node)}"
        for place, node in nodes()
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) == "pytest.raises"
        and not any(keyword.arg == "match" for keyword in node.keywords)
    ]

    assert_falls(unmatched, RAISES_WITHOUT_MATCH)


def test_helpers_live_in_plain_modules():
    """Nothing is imported from a conftest or from a test module, which pytest loads its own way."""
    imports = [
        f"{place}: {ast.unparse(node)}"
        for place, node in nodes()
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[-1].startswith(("conftest", "test_"))
    ]

    assert_falls(imports, IMPORTS_FROM_TESTS)


def nodes() -> Iterator[tuple[str, ast.AST]]:
    for path in sorted(path for suite in SUITES for path in suite.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            yield f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}", node


def assert_falls(offenders: list[str], known: int) -> None:
    assert len(offenders) <= known, "one more than before:\n" + "\n".join(offenders)
