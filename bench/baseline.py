"""Today's way of training, as tutorials write it: what the product is measured against.

ResNet50 from torchvision in eager fp32, NCHW; images decoded by PIL in the main process, batch 32; with a frozen
backbone a head Linear(2048, 128)-ReLU-Linear(128, classes), else all layers; Adam; every image in every epoch.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from inference import torchvision_ops  # noqa: F401 - must come before torchvision

BATCH_SIZE = 32
HIDDEN = 128
MEAN = torch.tensor((0.485, 0.456, 0.406)).view(3, 1, 1)
STD = torch.tensor((0.229, 0.224, 0.225)).view(3, 1, 1)


class Photographs(Dataset[tuple[Tensor, int]]):
    """Image files, opened one by one when they are asked for."""

    def __init__(self, files: Sequence[tuple[Path, int]], side: int) -> None:
        self.files = files
        self.side = side

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        path, label = self.files[index]
        with Image.open(path) as image:
            square = image.convert("RGB").resize((self.side, self.side), Image.Resampling.BILINEAR)
        pixels = torch.from_numpy(np.array(square)).permute(2, 0, 1).float().div(255)
        return (pixels - MEAN) / STD, label


def loader(files: Sequence[tuple[Path, int]], side: int, batch_size: int = BATCH_SIZE, *, shuffle: bool) -> DataLoader:  # type: ignore[type-arg]
    """Return the batches of one epoch, made in the main process."""
    return DataLoader(Photographs(files, side), batch_size=batch_size, shuffle=shuffle, num_workers=0)


def build(model_name: str, backbone: Path | None, num_classes: int, *, frozen: bool) -> nn.Module:
    """Return the network in torch's own memory format; `backbone` is a state_dict whose head is left out."""
    from torchvision import models

    network: Any = models.get_model(model_name, weights=None)
    features = network.fc.in_features
    network.fc = head(features, num_classes) if frozen else nn.Linear(features, num_classes)
    if backbone is not None:
        state = torch.load(backbone, weights_only=True)
        network.load_state_dict({k: v for k, v in state.items() if not k.startswith("fc.")}, strict=False)
    for name, parameter in network.named_parameters():
        parameter.requires_grad = not frozen or name.startswith("fc.")
    built: nn.Module = network
    return built


def head(num_features: int, num_classes: int) -> nn.Sequential:
    """Return today's head."""
    return nn.Sequential(nn.Linear(num_features, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, num_classes))


def train_epoch(network: nn.Module, optimizer: torch.optim.Optimizer, batches: Iterator[tuple[Tensor, Tensor]]) -> None:
    """Take one step a batch; the caller has chosen train or eval mode."""
    for images, labels in batches:
        optimizer.zero_grad()
        functional.cross_entropy(network(images), labels).backward()
        optimizer.step()


def accuracy(network: nn.Module, batches: Iterator[tuple[Tensor, Tensor]]) -> float:
    """Return the fraction of images classified correctly."""
    hits, count = 0, 0
    with torch.no_grad():
        for images, labels in batches:
            hits += int((network(images).argmax(dim=1) == labels).sum())
            count += len(labels)
    return hits / count
