"""The terminal: results go to stdout, progress to stderr."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def say(message: str) -> None:
    """Print one line of progress."""
    err.print(message, markup=False)


def result(text: str) -> None:
    """Print one line of the result."""
    out.print(text, markup=False)


def table(title: str, columns: list[str], rows: list[list[str]]) -> None:
    """Print `rows` as a table; to a pipe as plain lines with tabs between the cells, for other tools."""
    if not out.is_terminal:
        for row in rows:
            print(*row, sep="\t", file=out.file)  # noqa: T201 (no wrapping, no styles)
        return
    grid = Table(title=title, title_justify="left", title_style="bold", header_style="bold")
    for column in columns:
        grid.add_column(column, overflow="fold")
    for row in rows:
        grid.add_row(*row)
    out.print(grid)


def facts(pairs: list[tuple[str, str]]) -> None:
    """Print names and values, aligned."""
    width = max((len(name) for name, _ in pairs), default=0)
    for name, value in pairs:
        result(f"{name:<{width}}  {value}")


def duration(seconds: float) -> str:
    """Return seconds as a person reads them: "3.2 s", "2 min 05 s" or "1 h 02 min"."""
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
