"""What every test of both suites keeps to."""

import ast
import tokenize
from collections.abc import Iterator
from functools import cache
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


def test_sleeps_say_why_real_time_passes():
    """A sleep has a comment beside it: all else waits for what happens, within a bound, or sets the clock."""
    unexplained = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node)}"
        for path, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"time.sleep", "sleep"}
        if not {node.lineno, node.lineno - 1} & lines_with_comments(path)
    ]

    assert unexplained == []


@cache
def modules() -> list[tuple[Path, ast.Module]]:
    paths = sorted(path for suite in SUITES for path in suite.rglob("*.py"))
    return [(path, ast.parse(path.read_text())) for path in paths]


def lines_with_comments(path: Path) -> set[int]:
    with path.open("rb") as file:
        return {token.start[0] for token in tokenize.tokenize(file.readline) if token.type == tokenize.COMMENT}


def nodes() -> Iterator[tuple[str, ast.AST]]:
    for path, tree in modules():
        for node in ast.walk(tree):
            yield f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}", node


def imported(node: ast.AST) -> list[str]:
    """The dotted names that a statement imports, of modules or of what is in them."""
    if isinstance(node, ast.ImportFrom):
        return [f"{node.module or ''}.{name.name}" for name in node.names]
    return [name.name for name in node.names] if isinstance(node, ast.Import) else []
