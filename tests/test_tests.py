"""What every test of both suites keeps to, and what all code calls things."""

import ast
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SUITES = [ROOT / "tests", ROOT / "embedded_account" / "tests"]
LONGEST_NAME = 60
VAGUE = re.compile(r"\b_?(said|found)_?\b")


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
        and name(node.func) == "raises"
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
        if isinstance(node, ast.Call) and name(node.func) == "sleep"
        if ast.unparse(node.func) in {"time.sleep", "sleep"}
        if not {node.lineno, node.lineno - 1} & lines_with_comments(path)
    ]

    assert unexplained == []


def test_names_tell_what_they_hold():
    """Nothing in the repository is called `said` or `found`, which every answer and every search could be."""
    vague = [
        f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}: {name(node)}"
        for path in sources()
        if VAGUE.search(text := path.read_text())
        for node in ast.walk(ast.parse(text))
        if VAGUE.fullmatch(name(node))
    ]

    assert vague == []


@cache
def modules() -> list[tuple[Path, ast.Module]]:
    paths = sorted(path for suite in SUITES for path in suite.rglob("*.py"))
    return [(path, ast.parse(path.read_text())) for path in paths]


def sources() -> list[Path]:
    """Every Python file of the repository, of the product, the embedded account, their tests and measurements."""
    folders = [path for path in ROOT.iterdir() if path.is_dir() and path.name != "build" and path.name[0] != "."]
    return sorted([*ROOT.glob("*.py"), *(path for folder in folders for path in folder.rglob("*.py"))])


def name(node: ast.AST) -> str:
    """The name that stands at `node`: of a variable, an attribute, a parameter, a function or a class."""
    return next((str(getattr(node, field)) for field in ("id", "attr", "arg", "name") if hasattr(node, field)), "")


def lines_with_comments(path: Path) -> set[int]:
    with path.open("rb") as file:
        return {token.start[0] for token in tokenize.tokenize(file.readline) if token.type == tokenize.COMMENT}


def nodes() -> Iterator[tuple[str, ast.AST]]:
    for path, tree in modules():
        file = path.relative_to(ROOT)
        for node in ast.walk(tree):
            yield f"{file}:{getattr(node, 'lineno', 0)}", node


def imported(node: ast.AST) -> list[str]:
    """The dotted names that a statement imports, of modules or of what is in them."""
    if isinstance(node, ast.ImportFrom):
        return [f"{node.module or ''}.{name.name}" for name in node.names]
    return [name.name for name in node.names] if isinstance(node, ast.Import) else []
