"""Prices that AWS's list gave before, in a file for each region, with the day on which each was given."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Price:
    """What a unit costs, and since when that is known (ISO 8601)."""

    dollars: float
    date: str


def read(path: Path) -> dict[str, Price]:
    """Return what is kept, by the name of the item; nothing where the file is missing or is none of ours."""
    try:
        listed = json.loads(path.read_text(encoding="utf-8"))
        return {str(name): Price(float(one["dollars"]), str(one["date"])) for name, one in listed.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def write(path: Path, prices: Mapping[str, Price]) -> None:
    """Keep prices; a folder that cannot be written keeps none, and the list is asked again next time."""
    text = json.dumps({name: asdict(price) for name, price in sorted(prices.items())}, indent=1)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        written = path.with_suffix(".part")
        written.write_text(text + "\n", encoding="utf-8")
        written.replace(path)
    except OSError:
        return
