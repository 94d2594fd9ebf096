"""The packages that write and run graphs: a SageMaker training job installs them when it comes to that."""

import importlib
import logging
import os
import subprocess
import sys
from pathlib import Path

_PACKAGES = ("onnx", "openvino")
_PIP_SECONDS = 300
logger = logging.getLogger(__name__)


def missing_packages() -> list[str]:
    """Return the packages that are not installed, after one attempt to install them in a SageMaker training job."""
    missing = _not_importable()
    if missing and os.environ.get("SM_MODEL_DIR"):
        # Not by a requirements.txt of the job, which would be installed in every tuning job too.
        requirements = Path(__file__).with_name("requirements.txt")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "-r", str(requirements)]
        try:
            subprocess.run(command, check=True, timeout=_PIP_SECONDS, stdin=subprocess.DEVNULL)
        except (subprocess.SubprocessError, OSError) as error:
            logger.warning("%s could not be installed: %s", requirements.name, error)
        importlib.invalidate_caches()
        missing = _not_importable()
    return missing


def missing_remedy() -> str:
    """Return what a person can do about packages that are missing."""
    return "install training/requirements.txt, or let the training job reach a package index"


def _not_importable() -> list[str]:
    missing = []
    for name in _PACKAGES:
        try:
            importlib.import_module(name)
        except ImportError:
            missing.append(name)
    return missing
