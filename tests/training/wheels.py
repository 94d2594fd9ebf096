"""Wheels of a few lines, and an environment laid out as a container image is: packages, and a pip beside them."""

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pip

ROOT = Path(__file__).resolve().parents[2]


def write_wheel(folder: Path, name: str, version: str, requires: Sequence[str] = ()) -> Path:
    """Write a wheel whose module says its version."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {one}\n" for one in requires)
    files = {
        f"{name}/__init__.py": f"__version__ = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{file},,\n" for file in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(path, "w") as archive:
        for file, content in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(file, content)
    return path


class Image:
    """A virtual environment with the packages of a container image, and the source archive of a job unpacked in it."""

    def __init__(self, folder: Path) -> None:
        self.source = folder / "code"
        self._environment = folder / "environment"
        self._parts = folder / "parts"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(self._environment)], check=True)
        self.python = self._environment / "bin" / "python"
        paths = sysconfig.get_paths(vars={"base": str(self._environment), "platbase": str(self._environment)})
        self.site_packages = Path(paths["purelib"])
        self._parts.mkdir()
        (self._parts / "pip").symlink_to(Path(pip.__file__).parent)
        (self.source / "training").mkdir(parents=True)
        for name in ("__init__.py", "packages.py", "requirements.txt"):
            shutil.copy(ROOT / "training" / name, self.source / "training")

    def has(self, name: str, version: str, requires: Sequence[str] = ()) -> None:
        """Lay a package into the image."""
        wheel = write_wheel(self._parts, name, version, requires)
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(self.site_packages)

    def run(self, program: str, **variables: str) -> str:
        """Run `program` as a job's script, without pip's configuration and any index; return what it prints."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self._parts),
            "PYTHONPATH": os.pathsep.join([str(self.source), str(self._parts)]),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_INDEX_URL": "http://127.0.0.1:9/simple",  # discard: nobody listens
            "SM_MODEL_DIR": str(self._parts / "model"),
        }
        command = [str(self.python), "-c", program]
        variables = {**environment, **variables}
        done = subprocess.run(command, env=variables, cwd=self.source, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()
