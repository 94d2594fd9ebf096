"""Charts as inline SVG: drawn by matplotlib, coloured by the page, so that they follow its light or dark theme."""

import io
import re
import warnings
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
from markupsafe import Markup, escape
from matplotlib.figure import Figure

# Colours that are drawn with and stand for variables of report.css.
INK, MUTED, LINE, ACCENT, SECOND, GOOD, BAD, SURFACE = (f"#00000{digit}" for digit in range(1, 9))
_VARIABLES = dict(
    zip(
        (INK, MUTED, LINE, ACCENT, SECOND, GOOD, BAD, SURFACE),
        ("ink", "muted", "line", "accent", "second", "good", "bad", "surface"),
        strict=True,
    )
)
_SETTINGS: Any = {
    "svg.fonttype": "none",  # text stays text: it can be found, copied and read aloud
    "text.parse_math": False,  # a class may be called "$5"
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": LINE,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.labelsize": 9.5,
    "grid.color": LINE,
    "grid.linewidth": 0.7,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "lines.linewidth": 2,
    "lines.solid_capstyle": "round",
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
}
_DECLARATIONS = re.compile(r"<\?xml.*?\?>|<!DOCTYPE.*?>|<metadata>.*?</metadata>|<!--.*?-->", re.DOTALL)
_NAMESPACES = re.compile(r'\s(?:xmlns(?::xlink)?|version)="[^"]*"')
_SIZE = re.compile(r'(<svg)([^>]*?)\s(?:width|height)="[^"]*"([^>]*?)\s(?:width|height)="[^"]*"')


def settings() -> Any:
    """Return the context in which figures are made."""
    return mpl.rc_context(_SETTINGS)


def figure(width: float, height: float, **options: Any) -> Figure:
    """Return an empty figure of `width` by `height` inches, at 72 pixels each where there is room."""
    return Figure(figsize=(width, height), **({"layout": "constrained"} | options))


def svg(drawn: Figure, name: str, description: str) -> Markup:
    """Return `drawn` as an SVG element with `description` for those who cannot see it.

    `name` must be the page's only one: the ids inside of the SVG are made from it.
    """
    buffer = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": name}), warnings.catch_warnings():
        # The font is the reader's; that the one which measures text has no such letter does not matter.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        drawn.savefig(buffer, format="svg", metadata={"Date": None})
    text = _NAMESPACES.sub("", _DECLARATIONS.sub("", buffer.getvalue()))
    text = _SIZE.sub(r"\1\2\3", text, count=1)
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, f"var(--{variable})")
    label = f'<svg role="img" aria-label="{escape(description)}" style="max-width: {drawn.get_figwidth() * 96:.0f}px"'
    return Markup(text.strip().replace("<svg", label, 1))  # noqa: S704 - matplotlib escapes what it is given


def short(text: str, length: int = 22) -> str:
    """Return `text` cut to `length` characters for a label; line breaks become spaces."""
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1] + "\N{HORIZONTAL ELLIPSIS}"


def label_ends(axes: Any, ends: Sequence[tuple[float, float, str, str]]) -> None:
    """Write names beside the ends of lines, (x, y, name, colour), apart from each other: clearer than a legend."""
    low, high = axes.get_ylim()
    gap = (high - low) * 0.085
    heights: list[float] = []
    for x, y, name, colour in sorted(ends, key=lambda end: end[1]):
        height = max(y, heights[-1] + gap) if heights else y
        heights.append(height)
        axes.annotate(
            name, (x, height), (7, 0), textcoords="offset points", color=colour, va="center", size=9.5,
            annotation_clip=False,
        )  # fmt: skip
