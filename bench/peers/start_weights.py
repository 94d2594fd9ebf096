"""The published weights of EfficientNet-Lite0 by timm's names, so that peers start from what ours starts from."""

from __future__ import annotations

import json
from pathlib import Path

import torch

ARCHITECTURE = "tf_efficientnet_lite0"
NUM_FEATURES = 1280


def write_start(tensors: Path, folder: Path) -> Path:
    """Write pytorch_model.bin and config.json, as AutoGluon reads a local timm model, from a list of tensors in order.

    Publisher and timm keep the tensors in the order of the network, under other names.
    """
    import timm  # type: ignore[import-not-found, unused-ignore]  # in the peer's environment alone

    network = timm.create_model(ARCHITECTURE, num_classes=0)
    without_head = torch.load(tensors, weights_only=True)[:-2]  # AutoGluon refuses tensors that it does not expect
    state = dict(zip(network.state_dict(), without_head, strict=True))
    network.load_state_dict(state)  # every shape must fit
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(state, folder / "pytorch_model.bin")
    shape = {"input_size": [3, 224, 224], "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}
    config = {"architecture": ARCHITECTURE, "num_features": NUM_FEATURES, "pretrained_cfg": shape}
    (folder / "config.json").write_text(json.dumps(config))
    return folder
