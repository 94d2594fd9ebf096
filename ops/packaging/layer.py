"""The Lambda layer with the handlers' dependencies (`python/...`), built once per content of handlers/requirements.txt.

For AWS it comes from pip, as wheels for Lambda's platform. For the embedded account, which runs on this machine, the
installed distributions are copied instead: no network, a second instead of a minute.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

from ops.errors import BundleError
from ops.packaging.archive import zip_bytes
from ops.session import REPOSITORY

_PIP_SECONDS = 600
# The Lambda runtime brings these; a copy in the layer would hide them and double the cold start's file reads.
_IN_RUNTIME = frozenset({"boto3", "botocore", "s3transfer", "jmespath", "python-dateutil", "six", "urllib3"})
_PIP_PLATFORM = ("--platform", "manylinux2014_x86_64", "--python-version", "3.11", "--only-binary=:all:")


def layer_zip(requirements: Path, *, for_this_machine: bool) -> bytes:
    """Return the layer's zip, from build/ when the same one was built before.

    Raises:
        BundleError: a requirement is not installed here, or pip failed.
    """
    roots = _requirements(requirements)
    files = _installed_files(roots) if for_this_machine else None
    description = "\n".join([str(root) for root in roots] + ([] if files is None else sorted(files)))
    key = hashlib.sha256(description.encode()).hexdigest()[:16]
    cache = REPOSITORY / "build" / "layers" / f"{'local' if for_this_machine else 'aws'}-{key}.zip"
    if cache.exists():
        return cache.read_bytes()
    cache.parent.mkdir(parents=True, exist_ok=True)
    # The embedded account unpacks it on this disk at once, so speed matters there and size does not.
    content = zip_bytes(files, level=1) if files is not None else _zip_from_pip(requirements, cache.with_suffix(""))
    scratch = cache.with_suffix(f".{os.getpid()}.tmp")
    scratch.write_bytes(content)
    scratch.replace(cache)
    return content


def _requirements(path: Path) -> list[Requirement]:
    lines = (line.split("#")[0].strip() for line in path.read_text().splitlines())
    return [Requirement(line) for line in lines if line]


def _installed_files(roots: Iterable[Requirement]) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for installed in _closure(roots):
        for file in installed.files or []:
            if ".." in file.parts or "__pycache__" in file.parts:
                continue
            files[f"python/{file.as_posix()}"] = Path(str(file.locate()))
    return files


def _closure(roots: Iterable[Requirement]) -> list[Distribution]:
    """Return the installed distributions that `roots` need, extras included, without those of the runtime."""
    installed: dict[str, Distribution] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [(root, frozenset[str]()) for root in roots]
    while waiting:
        requirement, extras = waiting.pop()
        name = _normalized(requirement.name)
        if name in _IN_RUNTIME or not _applies(requirement, extras) or (name, frozenset(requirement.extras)) in seen:
            continue
        seen.add((name, frozenset(requirement.extras)))
        installed[name] = _distribution(requirement)
        wanted = frozenset(requirement.extras)
        waiting += [(Requirement(line), wanted) for line in installed[name].requires or []]
    return [installed[name] for name in sorted(installed)]


def _applies(requirement: Requirement, extras: frozenset[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in extras or {""})


def _distribution(requirement: Requirement) -> Distribution:
    try:
        installed = distribution(requirement.name)
    except PackageNotFoundError as error:
        raise BundleError(
            f"requirement {str(requirement)!r} of the handlers: not installed;"
            " run: python requirements/install.py runtime"
        ) from error
    if not requirement.specifier.contains(installed.version, prereleases=True):
        raise BundleError(
            f"requirement {str(requirement)!r} of the handlers: version {installed.version} is installed;"
            " run: python requirements/install.py runtime"
        )
    return installed


def _zip_from_pip(requirements: Path, folder: Path) -> bytes:
    shutil.rmtree(folder, ignore_errors=True)
    target = folder / "python"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check"]
    command += ["-r", str(requirements), "--target", str(target), *_PIP_PLATFORM]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PIP_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise BundleError(f"Lambda layer: pip took over {_PIP_SECONDS} s; check the network and run again") from error
    if done.returncode != 0:
        raise BundleError(
            f"Lambda layer: pip failed: {_last_line(done.stderr)}; check {requirements.name} and the network"
        )
    _remove_runtime_packages(target)
    files = {f"python/{path.relative_to(target).as_posix()}": path for path in target.rglob("*") if path.is_file()}
    content = zip_bytes(files)
    shutil.rmtree(folder)
    return content


def _remove_runtime_packages(target: Path) -> None:
    for info in target.glob("*.dist-info"):
        if _normalized(info.name.split("-")[0]) not in _IN_RUNTIME:
            continue
        for line in (info / "RECORD").read_text().splitlines():
            (target / line.split(",")[0]).unlink(missing_ok=True)
        shutil.rmtree(info, ignore_errors=True)


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _last_line(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if line.startswith("ERROR")] or text.strip().splitlines()
    return lines[-1] if lines else "no message"
