"""The terminal: results go to stdout, progress to stderr."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

_FOLDS_WELL = 6  # columns; the cells of more become too narrow to be read
_ENDLESS = 10_000

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
        grid.add_row(*map(escape, row))
    stacked = _stacked([columns, *rows]) if len(columns) > _FOLDS_WELL else []
    natural = Measurement.get(out, out.options.update(max_width=_ENDLESS), grid).maximum
    if not stacked or natural <= out.width or max(map(len, stacked)) > out.width:
        out.print(grid)
        return
    for line in [*([title] if title else []), *stacked[:2]]:
        out.print(escape(line), style="bold")
    for line in stacked[2:]:
        result(line)


def _stacked(lines: Sequence[Sequence[str]]) -> list[str]:
    """Return each line's first cell by itself, and below it the others, aligned: for a terminal that is too narrow."""
    widths = [max(map(len, cells)) for cells in zip(*(line[1:] for line in lines), strict=True)]
    aligned = ("  ".join(f"{cell:<{width}}" for cell, width in zip(line[1:], widths, strict=True)) for line in lines)
    return [text for line, rest in zip(lines, aligned, strict=True) for text in (line[0], f"  {rest}".rstrip())]


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
