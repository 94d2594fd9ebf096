"""`deploy.py data check`: the doctor looks at a folder on this machine, before anything is uploaded."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ops.console import result, say
from ops.errors import UploadError
from ops.session import REPOSITORY

PAGE, TABLE = "data.html", "findings.csv"
_PROGRAM = "training/check_data.py"
# The network whose weights come as a package: no download, no account.
_NETWORK = ("--model-name=efficientnet_lite0", "--weights=packaged", "--trainable=head", "--augment=none")


def check(folder: Path, out: Path | None, group_by: str, image_size: int) -> Path:
    """Examine `folder`, print a summary and return the page.

    Raises:
        UploadError: torch is not installed, or the folder cannot be examined.
    """
    if find_spec("torch") is None:
        raise UploadError("data check: torch is not installed; install requirements/local.txt, as `make demo` does")
    where = (out or REPOSITORY / "build" / "data" / folder.resolve().name).resolve()
    flags = [f"--data={folder.resolve()}", f"--model-dir={where}", f"--group-by={group_by}"]
    _run([*flags, f"--image-size={image_size}", *_NETWORK], folder)
    examination: dict[str, Any] = json.loads((where / "findings.json").read_text(encoding="utf-8"))
    for sentence in examination["summary"]:
        result(sentence)
    result(f"page:  {where / PAGE}")
    result(f"table: {where / TABLE}")
    if examination["findings"]:
        result(f"tick what should be done, then: deploy.py data fix ticked.csv {folder}")
    return where / PAGE


def _run(flags: list[str], folder: Path) -> None:
    """Run the program that a job runs, and pass on what it says."""
    command = [sys.executable, "-W", "ignore", _PROGRAM, *flags]
    last = ""
    with subprocess.Popen(
        command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8"
    ) as process:
        for line in process.stdout or ():
            last = line.strip() or last
            say(line.rstrip())
    if process.returncode:
        raise UploadError(f"{str(folder)!r} cannot be examined: {last.removeprefix('check_data.py: ')}")
