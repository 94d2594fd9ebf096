"""Two runs side by side on the terminal."""

from __future__ import annotations

from ops.console import result, say, table
from ops.runs.comparing import Comparison

_MAX_CLASSES = 20


def show(first: str, second: str, comparison: Comparison) -> None:
    """Print what differs; a subject in which nothing does is one line."""
    columns = ["", first, second]
    table("", columns, [list(pair) for pair in comparison.runs])
    result("")
    if comparison.settings:
        table("settings", columns, [list(pair) for pair in comparison.settings])
    else:
        result("settings: the same")
    result("data: " + (", ".join(comparison.data) or "not compared"))
    _show_classes(columns, comparison)
    for note in comparison.notes:
        say(note)


def _show_classes(columns: list[str], comparison: Comparison) -> None:
    changed = [row for row in comparison.classes if row[1] != row[2]]
    if not changed:
        result("classes: " + ("the same recall of each" if comparison.classes else "not compared"))
        return
    # Both ends of the list: what was lost most, and what was won most.
    half = _MAX_CLASSES // 2
    shown = changed if len(changed) <= _MAX_CLASSES else [*changed[:half], *changed[-half:]]
    rows = [[name, _recall(old), _recall(new), _change(old, new)] for name, old, new in shown]
    table("recall by class", ["class", *columns[1:], "change"], rows)
    if len(shown) < len(changed):
        say(f"{len(changed) - len(shown)} classes between these changed less")


def _recall(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _change(old: float | None, new: float | None) -> str:
    if old is None or new is None:
        return "new" if old is None else "gone"
    return f"{new - old:+.4f}"
