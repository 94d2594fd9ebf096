"""Archives read in a process of their own, so that one that wants too much harms nobody."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

PROGRAM = Path(__file__).with_name("reading.py")
READERS = ("functions", "upload", "training", "output")
MEBIBYTES = 150  # that an archive of one may take
SECONDS = 1.0  # of processor time, the same


class Reading(NamedTuple):
    """How one archive was read."""

    outcome: str  # "read", "refused" (typed) or "failed"
    message: str
    seconds: float  # of processor time
    grown_bytes: int


def read_all(
    reader: str, archives: Mapping[str, bytes], folder: Path, *, mebibytes: int = MEBIBYTES, seconds: float = 10
) -> dict[str, Reading]:
    """Return how `reader` reads each archive under the limits, by file name."""
    folder.mkdir(exist_ok=True)
    for name, content in archives.items():
        (folder / name).write_bytes(content)
    command = [sys.executable, str(PROGRAM), reader, str(folder), str(mebibytes), str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {name: Reading(*rest) for name, *rest in lines}
