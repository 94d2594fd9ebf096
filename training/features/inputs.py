"""Training a head on features: what `engine` trains on, and what the rest of the job needs to know of the images."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from inference.preprocessing import Preprocessing
from training.config import TrainingConfig
from training.data.inputs import EVALUATION_BATCH_SIZE
from training.data.splits import Datasets, Split
from training.distributed import World
from training.errors import DatasetError
from training.features.store import FeatureSplit, FeatureStore
from training.listing import DataProblem, Sample

Scale = tuple[Tensor, Tensor]  # mean and standard deviation, (num_features,) each


class FeatureInputs:
    """A split of features, standardised by `scale`; in training each image shows a random view in each epoch."""

    def __init__(
        self, split: FeatureSplit, config: TrainingConfig, world: World | None = None, scale: Scale | None = None
    ) -> None:
        self.split = split
        self.scale = scale
        self.config = config
        self.shard = (world or World()).shard
        self.num_views = split.num_views if config.augment != "none" or config.randaugment else 1
        self._labels = split.labels

    @property
    def labels(self) -> Tensor:
        return self._labels

    def training_batches(
        self, batches: Sequence[Tensor], epoch: int, generator: torch.Generator, device: torch.device
    ) -> Iterator[tuple[Tensor, Tensor]]:
        for rows in batches:
            views = torch.randint(self.num_views, (len(rows),), generator=generator)
            own = self.shard.of(len(rows))  # views are drawn for the whole batch, whoever trains on it
            yield self._take(rows[own], views[own]).to(device), self._labels[rows[own]].to(device)

    def logits(self, model: nn.Module) -> Tensor:
        model.eval()
        device = next(model.parameters()).device
        batches = torch.split(torch.arange(len(self._labels)), EVALUATION_BATCH_SIZE)
        with torch.inference_mode():
            return torch.cat(
                [model(self._take(rows, torch.zeros_like(rows)).to(device)).float().cpu() for rows in batches]
            )

    def _take(self, rows: Tensor, views: Tensor) -> Tensor:
        features = self.split.take(rows, views)
        return features if self.scale is None else (features - self.scale[0]) / self.scale[1]


def fold_scale(head: nn.Module, scale: Scale) -> None:
    """Let `head`, trained on standardised features, take them as the backbone gives them: its answers stay the same."""
    linear = next(layer for layer in head.modules() if isinstance(layer, nn.Linear))
    mean, deviation = (each.to(linear.weight.device) for each in scale)
    with torch.no_grad():
        linear.weight.div_(deviation)
        linear.bias.sub_(linear.weight @ mean)


def head_config(config: TrainingConfig) -> TrainingConfig:
    """Return the settings for a head: float32, in which it takes no time and loses nothing."""
    return replace(config, precision="fp32")


def datasets_of(store: FeatureStore, config: TrainingConfig, preprocessing: Preprocessing) -> Datasets:
    """Return the splits as the features name them; their pixels can be read where the image folders are there too."""
    names = store.description["class_names"]
    problems = [DataProblem(**problem) for problem in store.description["data_problems"]]
    train, validation = (
        _split(features, names, Path(config.data) if config.data else folder, preprocessing)
        for features, folder in ((store.train, config.train), (store.validation, config.validation))
    )
    moves, examination = store.description.get("moves", {}), store.description.get("examination", {})
    return Datasets(names, train, validation, None, problems, store.calibration, moves, examination)


def given_class_names(classes: Path | None) -> list[str] | None:
    """Return the names in the classes channel, or None without one.

    Raises:
        DatasetError: classes.json cannot be read.
    """
    if classes is None:
        return None
    try:
        return list(json.loads((classes / "classes.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise DatasetError(f"classes.json cannot be read from {str(classes)!r}: {error}") from error


def _split(features: FeatureSplit, names: list[str], folder: Path | None, preprocessing: Preprocessing) -> Split:
    root = folder or Path()
    samples = [Sample(root / path, path, names[index]) for path, index, _ in features.samples]
    digests = [bytes.fromhex(sha256) for _, _, sha256 in features.samples]
    return Split(features.name, samples, features.labels, preprocessing, None, digests=digests)
