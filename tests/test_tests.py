"""What every test of both suites keeps to."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SUITES = [ROOT / "tests", ROOT / "embedded_account" / "tests"]
LONGEST_NAME = 60


def test_names_of_tests_are_short():
    """A name of at most 60 characters, so that it fits a line of pytest's report; the sentence is the docstring's."""
    long_names = [
        f"{place}: {node.name}"
        for place, node in nodes()
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and len(node.name) > LONGEST_NAME
    ]

    assert long_names == []


def test_what_is_raised_is_matched():
    """`pytest.raises` looks at the message too: another error of the same class is no pass."""
    unmatched = [
        f"{place}: {ast.unparse(node)}"
        for place, node in nodes()
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) == "pytest.raises"
        and not any(keyword.arg == "match" for keyword in node.keywords)
    ]

    assert unmatched == []


def test_helpers_live_in_plain_modules():
    """Nothing is imported from a conftest or from a test module, which pytest loads its own way."""
    imports = [
        f"{place}: {name}"
        for place, node in nodes()
        for name in imported(node)
        if any(part.startswith(("conftest", "test_")) for part in name.split("."))
    ]

    assert imports == []


def nodes() -> Iterator[tuple[str, ast.AST]]:
    for path in sorted(path for suite in SUITES for path in suite.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            yield f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}", node


def imported(node: ast.AST) -> list[str]:
    """The dotted names that a statement imports, of modules or of what is in them."""
    if isinstance(node, ast.ImportFrom):
        return [f"{node.module or ''}.{name.name}" for name in node.names]
    return [name.name for name in node.names] if isinstance(node, ast.Import) else []
