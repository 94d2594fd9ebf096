"""Make .venv of this Python, with what a group of pyproject.toml needs, from the locks of this folder:

    python3 requirements/install.py local             # the whole flow on this machine
    python3 requirements/install.py dev --torch cpu   # and its tests; torch without what a GPU needs

What is there already stays; a .venv of another Python is made anew. Nothing but the standard library is needed.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import os
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ROOT / "requirements"
VENV = ROOT / ".venv"
GROUPS = {"runtime": ["runtime"], "local": ["runtime", "local"], "dev": ["runtime", "local", "dev"]}
# uv does not read pip's configuration; what decides where packages come from is handed on.
FROM_PIP = {"find-links": "UV_FIND_LINKS", "index-url": "UV_DEFAULT_INDEX", "cert": "SSL_CERT_FILE"}


class InstallError(Exception):
    """The environment cannot be made; the message says what to do."""


def main(argv: Sequence[str] | None = None) -> int:
    """Install, and return the exit code of the command."""
    arguments = _parser().parse_args(argv)
    try:
        install(arguments.group, arguments.torch)
    except InstallError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def install(group: str, torch: str | None = None) -> None:
    """Bring .venv up to `group`; what its stamp says is there is not looked at again.

    Raises:
        InstallError: this Python is too old or too new, lacks a module, or a package cannot be had.
    """
    check_python(sys.version_info[:2])
    stamp = VENV / ".installed"
    wanted = {digest(GROUPS[group]), *([f"torch={torch}"] if torch else [])}
    done = set(stamp.read_text().splitlines()) if stamp.exists() and of_this_python(VENV) else set()
    if wanted <= done:
        return
    started = time.monotonic()
    stamp.unlink(missing_ok=True)  # so that an installation that is interrupted is taken up again
    make_environment()
    _say(f"installing what {GROUPS[group][-1]!r} of pyproject.toml needs, once ...")
    _install_packages(group, torch)
    contained = {digest(groups) for groups in GROUPS.values() if set(groups) <= set(GROUPS[group])}
    stamp.write_text("\n".join(sorted(contained | wanted | {line for line in done if line.startswith("torch=")})))
    _say(f"installed in {time.monotonic() - started:.0f} s")


def check_python(version: tuple[int, int]) -> None:
    """Raise InstallError unless `version` is one that the suite passes on."""
    if not (3, 11) <= version <= (3, 13):
        number = ".".join(map(str, version))
        raise InstallError(
            f"Python {number}: is not one of 3.11, 3.12, 3.13; name one: make PYTHON=/path/to/python3.12"
        )


def digest(groups: Sequence[str]) -> str:
    """Return what changes whenever an installation of `groups` would be another one."""
    files = [LOCKS / f"{name}.txt" for name in (*groups, "torch", "uv")]
    files.append(ROOT / "embedded_account" / "pyproject.toml")
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()


def of_this_python(folder: Path) -> bool:
    """Return whether the virtual environment in `folder` is there, works, and is of the Python that runs this."""
    program = "import sys; print(*sys.version_info[:2])"
    try:
        answer = subprocess.run([_python(folder), "-c", program], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    return answer.stdout.split() == [str(number) for number in sys.version_info[:2]]


def make_environment() -> None:
    """Make .venv with uv in it, anew where it is of another Python or broken."""
    if not of_this_python(VENV):
        if VENV.exists():
            _say("the .venv that is there is of another Python; it is made anew")
            shutil.rmtree(VENV)
        _say(f".venv with Python {sys.version.split()[0]} ...")
        try:
            venv.create(VENV, with_pip=True, symlinks=True)
        except subprocess.CalledProcessError as error:
            number = ".".join(map(str, sys.version_info[:2]))
            raise InstallError(
                f"Python {number}: has no ensurepip; install it (Debian and Ubuntu: apt install python{number}-venv)"
            ) from error
    _run([_python(VENV), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes",
          "-r", str(LOCKS / "uv.txt")])  # fmt: skip


def pip_settings(listing: str) -> dict[str, str]:
    """Return uv's variables for what `pip config list` printed, which has the stronger setting first.

    A line of it is `global.find-links='/wheels /more'`.
    """
    settings: dict[str, str] = {}
    for line in listing.splitlines():
        key, _, value = line.partition("=")
        name = key.rpartition(".")[2]
        if name in FROM_PIP and value:
            separator = "," if name == "find-links" else " "
            settings.setdefault(FROM_PIP[name], separator.join(str(ast.literal_eval(value)).split()))
    return settings


def pins(lock: Path) -> dict[str, str]:
    """Return the lines `torch==2.13.0` of a lock by name, without markers and hashes."""
    entries = [line.split()[0] for line in lock.read_text().splitlines() if line[:1].isalnum()]
    return {entry.partition("==")[0]: entry for entry in entries}


def _install_packages(group: str, torch: str | None) -> None:
    listing = subprocess.run(
        [_python(VENV), "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    ).stdout
    environment = {**pip_settings(listing), **os.environ, "VIRTUAL_ENV": str(VENV)}
    uv = [str(Path(_python(VENV)).with_name("uv")), "pip", "install", "--no-deps"]
    # The locks are complete, so nothing is resolved; each line of theirs has its hashes, which uv checks.
    locks = [argument for name in GROUPS[group] for argument in ("-r", str(LOCKS / f"{name}.txt"))]
    if group != "runtime":
        locks += _torch_arguments(uv, torch, environment)
    _run([*uv, *(["--compile-bytecode"] if group == "dev" else []), *locks], environment)
    if group != "runtime":
        _run([*uv, "--quiet", "--no-build-isolation", "-e", str(ROOT / "embedded_account")], environment)
        _run([_python(VENV), "-m", "ops.packaging.prepare"])


def _torch_arguments(uv: Sequence[str], torch: str | None, environment: Mapping[str, str]) -> list[str]:
    """Return what names torch: its lock, or the pinned version alone where a build without CUDA is at hand.

    Such a build comes from torch's own index (installed here at once) or from a folder that pip's configuration names;
    no lock knows its hash.
    """
    pinned = pins(LOCKS / "torch.txt")["torch"]
    if torch == "cpu":
        both = [pinned, pins(LOCKS / "local.txt")["torchvision"]]
        _run([*uv, "--torch-backend", "cpu", "--reinstall-package", "torch", *both], environment)
    is_local = any(VENV.glob(f"lib*/python*/site-packages/{pinned.replace('==', '-')}+*.dist-info"))
    offered = [*uv, "--quiet", "--dry-run", "--no-index", pinned]
    if is_local or ("UV_FIND_LINKS" in environment and _succeeds(offered, environment)):
        return [pinned]
    return ["-r", str(LOCKS / "torch.txt")]


def _python(folder: Path) -> str:
    return str(folder / "bin" / "python")


def _run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
    done = subprocess.run(command, cwd=ROOT, env=environment, check=False)
    if done.returncode != 0:
        raise InstallError(f"{Path(command[0]).name} {' '.join(command[1:4])}: failed; see above, then run make again")


def _succeeds(command: Sequence[str], environment: Mapping[str, str]) -> bool:
    return subprocess.run(command, env=environment, capture_output=True, check=False).returncode == 0


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Make .venv with the pinned packages of a group.")
    parser.add_argument("group", choices=GROUPS)
    parser.add_argument("--torch", choices=["cpu"], help="the build without CUDA, from torch's own index")
    return parser


if __name__ == "__main__":
    sys.exit(main())
