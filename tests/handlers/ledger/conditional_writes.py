"""The conditional writes of the product, read from its code."""

import ast
from collections.abc import Iterator

from tests.handlers.environment import HANDLERS


def conditional_writes() -> set[str]:
    """Return Class.method of each write to the table that has a condition."""
    return {
        f"{kind.name}.{method.name}"
        for path in (HANDLERS / "ledger").glob("*.py")
        for kind in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(kind, ast.ClassDef) and kind.name not in ("Table", "Row")
        for method in kind.body
        if isinstance(method, ast.FunctionDef) and any(_is_conditional(call) for call in _calls(method))
    }


def writes_elsewhere() -> set[str]:
    """Return the files outside handlers/ledger/ that write to the table themselves."""
    return {
        path.name
        for path in HANDLERS.rglob("*.py")
        if path.parent.name != "ledger"
        for call in _calls(ast.parse(path.read_text(encoding="utf-8")))
        if call.func.attr in ("put_item", "update_item", "delete_item", "transact_write_items")  # type: ignore[attr-defined]
    }


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node


def _is_conditional(call: ast.Call) -> bool:
    """Tell whether a call is `table.put(item, condition, ...)` or one of its kin; values are given for a condition."""
    name = call.func.attr  # type: ignore[attr-defined]
    num_plain = {"put": 1, "delete": 1, "update": 2, "change": 2}.get(name)
    return num_plain is not None and len(call.args) > num_plain
