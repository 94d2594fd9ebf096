"""Self-contained HTML: one file with its style, script, charts and pictures, that makes no request of any kind."""

import base64
import hashlib
import math
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

_TEMPLATES = Path(__file__).resolve().parent / "templates"
_NONE = "\N{EN DASH}"


def render(template: str, **context: Any) -> str:
    """Return the page made from `template`; every value is escaped but the charts, which are markup already."""
    return _environment().get_template(template).render(**context)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    script = _source("report.js")
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,  # a page with a hole is a defect, not a page
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        style=Markup(_source("report.css")),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        # A browser runs this script and no other, so nothing that a file name smuggles in is ever run.
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )
    environment.filters.update(
        percent=percent,
        decimals=decimals,
        significant=significant,
        duration=duration,
        data_uri=data_uri,
        as_number=as_number,
        after=lambda text, prefix: text.removeprefix(prefix).lstrip("-") or text,
    )
    return environment


def percent(value: float | None, digits: int = 1) -> str:
    """Return a fraction as "98.9 %"; a dash for what is not known."""
    return _NONE if value is None or not math.isfinite(value) else f"{100 * value:.{digits}f} %"


def decimals(value: float | None, digits: int = 4) -> str:
    """Return a number with `digits` decimals; a dash for what is not known."""
    return _NONE if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def significant(value: Any, digits: int = 4) -> str:
    """Return a number with `digits` significant digits, and any other value as its text."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _NONE if value is None or value == "" else str(value)
    return str(value) if isinstance(value, int) else f"{value:.{digits}g}"


def as_number(text: str) -> float | str:
    """Return the number that `text` is, or else `text`."""
    try:
        return float(text)
    except ValueError:
        return text


def duration(seconds: float | None) -> str:
    """Return seconds as a person reads them: "3.2 s", "2 min 05 s" or "1 h 02 min"."""
    if seconds is None or not math.isfinite(seconds):
        return _NONE
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def data_uri(jpeg: bytes) -> str:
    """Return a JPEG as an address that holds it."""
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()


def _source(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")
