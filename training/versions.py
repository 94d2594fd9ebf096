"""The versions of what a training job computes with."""

import platform
from importlib import metadata

import numpy
import PIL
import torch


def versions() -> dict[str, str]:
    """Return the versions that a number in evaluation.json depends on."""
    return {
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "torchvision": metadata.version("torchvision"),  # importing it takes 0.2 s
        "pillow": PIL.__version__,
        "numpy": numpy.__version__,
    }
