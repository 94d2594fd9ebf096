"""Count the house: lines of product, account and tests, imports that cross, lengths of functions.

python bench/count_code.py
"""

from __future__ import annotations

import ast
import statistics
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PRODUCT = ("deploy.py", "datasets", "handlers", "inference", "ops", "reports", "statemachine", "training")
ACCOUNT = ("embedded_account/src",)
PARTS = {
    "product": PRODUCT,
    "account": ACCOUNT,
    "tests of the product": ("tests",),
    "tests of the account": ("embedded_account/tests",),
}


def main() -> None:
    """Print one table."""
    print("| part | files | lines | functions | median | 90th percentile | longest |\n|---|---|---|---|---|---|---|")
    for name, places in PARTS.items():
        sources = [path.read_text() for path in files(places)]
        lengths = sorted(chain.from_iterable(function_lengths(source) for source in sources))
        lines = sum(source.count("\n") for source in sources)
        ninetieth = lengths[int(0.9 * len(lengths))]
        print(f"| {name} | {len(sources)} | {lines:,} | {len(lengths):,} | {statistics.median(lengths):g} | {ninetieth}"
              f" | {lengths[-1]} |")  # fmt: skip
    crossing = sum(imports(path.read_text()).count("embedded_account") for path in files(PRODUCT))
    back = sum(any(part in imports(path.read_text()) for part in names(PRODUCT)) for path in files(ACCOUNT))
    print(f"\nimports of the account in the product: {crossing}; of the product in the account: {back}")


def files(places: Sequence[str]) -> Iterator[Path]:
    """Yield the Python files of some folders."""
    for place in places:
        path = ROOT / place
        yield from [path] if path.is_file() else sorted(path.rglob("*.py"))


def function_lengths(source: str) -> list[int]:
    """Return the lines of each function, from its `def` to its end, docstring and inner functions included."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, kinds)]
    return [(node.end_lineno or node.lineno) - node.lineno + 1 for node in functions]


def imports(source: str) -> list[str]:
    """Return the top-level name of each import."""
    tree = list(ast.walk(ast.parse(source)))
    modules = [node.module or "" for node in tree if isinstance(node, ast.ImportFrom)]
    modules += [alias.name for node in tree if isinstance(node, ast.Import) for alias in node.names]
    return [module.partition(".")[0] for module in modules]


def names(places: Sequence[str]) -> list[str]:
    """Return the packages of some folders."""
    return [place.removesuffix(".py") for place in places]


if __name__ == "__main__":
    main()
