"""What others recorded of AWS: scenarios by name, compared with what the account answers.

The recordings lie beside a checkout and not in it; tests skip where they are not.
"""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[4] / "shared" / "corpora" / "aws-recorded"
_PLACEHOLDER = re.compile(r"<[a-z-]+(:\d+)?>|date|timestamp")


@cache
def scenarios(file: str) -> dict[str, Any]:
    """Return what AWS answered, by the scenario's name without its file; of two of one name the last."""
    recorded = json.loads((FOLDER / file).read_text(encoding="utf-8"))
    return {name.split("::", 1)[1]: each["recorded-content"] for name, each in recorded.items()}


def files() -> list[str]:
    """Return the names of the files that are there."""
    return sorted(path.name for path in FOLDER.glob("*.json"))


def first_lines(message: str) -> str:
    """Return an error's message without where AWS's parser was when it gave up."""
    return message.split("\n at [Source", 1)[0]
