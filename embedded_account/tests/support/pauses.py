"""How a test lets another program look more often than it would by itself."""

from pathlib import Path

_FOLDER = Path(__file__).with_name("short_pauses")


def short_pauses(program: str) -> dict[str, str]:
    """Return the variables by which a Python program, named by the end of its path, pauses for 0.3 s at most."""
    return {"PYTHONPATH": str(_FOLDER), "SHORT_PAUSES_OF": program}
