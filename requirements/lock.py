"""Write every version and hash of what pyproject.toml names into this folder, the embedded account's beside its own:

    .venv/bin/python requirements/lock.py            # what the locks say stays where it still fits
    .venv/bin/python requirements/lock.py --upgrade  # the newest that fit

Each lock holds what its group needs beyond the groups before it, for every platform and Python at once. torch and what
PyPI's build of it needs for GPUs have a lock of their own, since a CPU build replaces them.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ROOT / "requirements"
GROUPS = ("runtime", "local", "dev")  # each includes those before it
CUDA = LOCKS / "cuda.txt"
_ENTRY = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==[^ ;]+(?! ;) ", re.MULTILINE)


def main() -> None:
    """Write the locks; versions are decided once, for everything together."""
    upgrade = sys.argv[1:] == ["--upgrade"]
    with tempfile.TemporaryDirectory() as folder:
        everything = Path(folder) / "everything.txt"
        if not upgrade:
            everything.write_text("".join(lock.read_text() for lock in _locks() if lock.exists()))
        _compile(["--group", "pyproject.toml:dev"], everything, left_out=["embedded-account"])
        before = {"embedded-account", "torch"}
        for group in GROUPS:
            lock = LOCKS / f"{group}.txt"
            _compile(["--group", f"pyproject.toml:{group}", "--excludes", str(CUDA)], lock, everything, before)
            before |= names(lock.read_text())
        _compile(["--group", "pyproject.toml:torch"], LOCKS / "torch.txt", everything, before - {"torch"})
        account = ROOT / "embedded_account"
        _compile([str(account / "pyproject.toml"), "--extra", "test"], account / "requirements.txt", everything)
        _compile(["--group", "pyproject.toml:installer"], LOCKS / "uv.txt")


def names(lock: str) -> set[str]:
    """Return the packages that the text of a lock pins for every platform; a later group may need the others there."""
    return set(_ENTRY.findall(lock))


def _locks() -> list[Path]:
    return [LOCKS / f"{name}.txt" for name in (*GROUPS, "torch")]


def _compile(source: list[str], lock: Path, constraint: Path | None = None, left_out: Iterable[str] = ()) -> None:
    uv = Path(sys.executable).with_name("uv")
    command = [str(uv), "pip", "compile", "--quiet", "--universal", "--generate-hashes", "--no-annotate", *source]
    command += ["--custom-compile-command", "make lock", "--output-file", str(lock)]
    command += ["--constraints", str(constraint)] if constraint is not None else []
    command += [f"--no-emit-package={name}" for name in sorted(left_out)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
