"""Where jobs and endpoints find pretrained weights: in PyTorch's own cache of whoever runs the account."""

import os
from collections.abc import Mapping
from pathlib import Path


def torch_home(environment: Mapping[str, str] = os.environ) -> str:
    """Return the folder below which PyTorch keeps what it has fetched: ~/.cache/torch, or where its variables say.

    Source: PyTorch documentation, torch.hub, "Where are my downloaded models saved?".
    """
    cache = environment.get("XDG_CACHE_HOME") or str(Path(environment.get("HOME") or Path.home()) / ".cache")
    return environment.get("TORCH_HOME") or str(Path(cache) / "torch")
