"""What a terminal and a pipe get of a table."""

import io

import pytest
from rich.console import Console

from ops import console

COLUMNS = ["policy", "p50 ms", "p95 ms", "refused", "too late", "instances", "$ a month"]
ROWS = [["no scaling, 1 instance, whatever comes", "102", "5212", "29.00 %", "0", "1 to 100", "3,453.14"]]


@pytest.mark.parametrize(("width", "lines"), [(80, 5), (200, 6)])
def test_many_columns_stay_readable(monkeypatch: pytest.MonkeyPatch, width: int, lines: int) -> None:
    """Where they do not fit beside each other no cell is folded: each row's name has a line of its own."""
    terminal = _terminal(monkeypatch, width)

    console.table("steady", COLUMNS, ROWS)

    printed = terminal.getvalue().splitlines()
    assert len(printed) == lines
    assert sum(ROWS[0][0] in line for line in printed) == 1
    assert all(any(cell in line for line in printed) for cell in ROWS[0])


def test_cells_are_no_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was seen is shown as it is, brackets too."""
    terminal = _terminal(monkeypatch, 80)

    console.table("", ["what"], [["[bold]it[/bold]"]])

    assert "[bold]it[/bold]" in terminal.getvalue()


def _terminal(monkeypatch: pytest.MonkeyPatch, width: int) -> io.StringIO:
    text = io.StringIO()
    monkeypatch.setattr(console, "out", Console(file=text, force_terminal=True, color_system=None, width=width))
    return text
