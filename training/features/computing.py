"""Features once: what a frozen backbone gives for each image and for seeded variations of the training images."""

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from inference.model import replace_head
from inference.preprocessing import Preprocessing
from training.config import TrainingConfig
from training.data.augmentation import RECIPES, augment, rand_augment
from training.data.calibration import calibration_images
from training.data.inputs import decoded_ahead
from training.data.splits import Datasets, Split
from training.errors import ConfigError, FeaturesError
from training.features.extractors import Extractor, make_extractor
from training.features.store import FeatureWriter, SampleRow
from training.model.weights import backbone_state, digest_of
from training.versions import versions

BATCH_SIZE = 32
PROGRESS_SECONDS = 3.0
# Settings that a frozen backbone's features leave no room for, with the value that switches them off.
WITHOUT_EFFECT = {"unfreeze_depth": 0, "cutmix": 0, "progressive_unfreeze": 0, "progressive_resize": 1}


class ServedFeatures:
    """The features of each image as it is served, computed the first time that it is asked for."""

    def __init__(self, extractor: Extractor, preprocessing: Preprocessing, backbone_sha256: str) -> None:
        self.backbone_sha256 = backbone_sha256
        self.extractor = extractor
        self.preprocessing = preprocessing
        self._rows: dict[Path, Tensor] = {}

    def of(self, split: Split, say: Callable[[str], None] | None = None) -> Tensor:
        """Return the features (N, num_features) of a split; `say` hears every few seconds how far it is."""
        if any(sample.path not in self._rows for sample in split.samples):
            is_served = split.preprocessing == self.preprocessing
            served = split if is_served else replace(split, preprocessing=self.preprocessing, cache=None)
            blocks, last = [], time.monotonic()
            for images, _ in decoded_ahead(served, BATCH_SIZE):
                blocks.append(self.extractor.features(images))
                if say is not None and time.monotonic() - last > PROGRESS_SECONDS:
                    last = time.monotonic()
                    say(f"{split.name}: {len(blocks) * BATCH_SIZE} of {len(split)} pictures")
            self._rows |= zip((sample.path for sample in split.samples), torch.cat(blocks), strict=True)
        return torch.stack([self._rows[sample.path] for sample in split.samples])

    def of_all(self, datasets: Datasets, say: Callable[[str], None] | None = None) -> NDArray[np.float32]:
        """Return the features of train, validation and test, one after the other."""
        splits = filter(None, (datasets.train, datasets.validation, datasets.test))
        return np.asarray(torch.cat([self.of(split, say) for split in splits]).numpy())


def served_features(network: nn.Module, config: TrainingConfig, preprocessing: Preprocessing) -> ServedFeatures:
    """Return what computes features by `network`, which loses its head."""
    backbone_sha256 = digest_of(backbone_state(network))
    replace_head(network, nn.Identity())
    extractor = make_extractor(network, preprocessing, config.extractor, config.feature_precision)
    return ServedFeatures(extractor, preprocessing, backbone_sha256)


def compute_features(
    served: ServedFeatures,
    datasets: Datasets,
    config: TrainingConfig,
    folder: Path,
    say: Callable[[str], None],
) -> None:
    """Write the features of the train and validation splits to `folder`, which is complete when this returns."""
    started = time.perf_counter()
    extractor, preprocessing = served.extractor, served.preprocessing
    writer = FeatureWriter(folder)
    writer.write_split("train", _rows(datasets.train), training_blocks(served, datasets.train, config))
    validation = torch.split(served.of(datasets.validation)[:, None], BATCH_SIZE)
    writer.write_split("validation", _rows(datasets.validation), validation)
    # So that the job which saves the network needs none of the training images.
    writer.write_calibration(calibration_images(datasets.train.samples, preprocessing))
    writer.finish(description(served.backbone_sha256, datasets, config, extractor))
    seconds = time.perf_counter() - started
    count = sum(split["num_images"] * split["num_views"] for split in writer.splits.values())
    say(
        f"features of {count} images by {extractor.name} in {extractor.precision}: "
        f"feature_seconds={seconds:.2f} feature_images_per_second={count / seconds:.0f}"
    )


def training_blocks(served: ServedFeatures, split: Split, config: TrainingConfig) -> Iterator[Tensor]:
    """Yield features (B, views, num_features) of the training images: as they are served, then varied."""
    generator = torch.Generator().manual_seed(config.seed)
    torch.manual_seed(config.seed)  # RandAugment draws from it
    plain = torch.split(served.of(split), BATCH_SIZE)
    if not num_varied_views(config):
        yield from (rows[:, None] for rows in plain)
        return
    for (images, _), rows in zip(decoded_ahead(split, BATCH_SIZE), plain, strict=True):
        views = [rows]
        for _ in range(num_varied_views(config)):
            varied = _varied(images, config, generator)
            views.append(served.extractor.features(varied))  # noqa: PERF401 - reads as it happens
        yield torch.stack(views, dim=1)


def num_varied_views(config: TrainingConfig) -> int:
    """Return how many varied views each training image gets; none where nothing varies it."""
    return config.feature_views if config.augment != "none" or config.randaugment else 0


def description(
    backbone_sha256: str, datasets: Datasets, config: TrainingConfig, extractor: Extractor
) -> dict[str, Any]:
    """Return what the features depend on, as the manifest records it."""
    return {
        "dataset_fingerprint": config.dataset_fingerprint,
        "class_names": datasets.class_names,
        "backbone": {"model_name": config.model_name, "weights": config.weights, "sha256": backbone_sha256},
        "image_size": config.image_size,
        "augment": config.augment,
        "randaugment": config.randaugment,
        "num_views": num_varied_views(config),
        "seed": config.seed,
        "extractor": extractor.name,
        "precision": extractor.precision,
        "training_job_name": config.training_job_name,
        "data_problems": [asdict(problem) for problem in datasets.problems],
        "moves": datasets.moves,
        "examination": datasets.examination,
        "versions": versions(),
    }


def check_settings(config: TrainingConfig) -> None:
    """Refuse settings that need images.

    Raises:
        ConfigError: one of them is on.
    """
    for name, off in WITHOUT_EFFECT.items():
        if getattr(config, name) != off:
            remedy = "trainable=head" if name == "unfreeze_depth" else f"{name}={off}"
            raise ConfigError(
                f"{name}={getattr(config, name)!r} needs images, but the job trains on features; "
                f"use {remedy}, or leave out the features"
            )


def check_features(manifest: dict[str, Any], config: TrainingConfig, class_names: list[str] | None) -> None:
    """Refuse features that are not those of this job; `class_names` is None where the job has no other source of them.

    Raises:
        FeaturesError: they are of another backbone, dataset or augmentation.
    """
    backbone = manifest["backbone"]
    wanted: dict[str, tuple[object, object]] = {
        "model_name": (backbone["model_name"], config.model_name),
        "weights": (backbone["weights"], config.weights),
        "image_size": (manifest["image_size"], config.image_size),
    }
    if config.augment != "none":
        wanted["augment"] = (manifest["augment"], config.augment)
        wanted["randaugment"] = (manifest["randaugment"], config.randaugment)
    if config.weights == "none":
        wanted["seed"] = (manifest["seed"], config.seed)
    if config.dataset_fingerprint and manifest["dataset_fingerprint"]:
        wanted["dataset_fingerprint"] = (manifest["dataset_fingerprint"], config.dataset_fingerprint)
    if class_names is not None:
        wanted["class_names"] = (manifest["class_names"], class_names)
    for name, (stored, asked) in wanted.items():
        if stored != asked:
            raise FeaturesError(f"the features are of {name} {stored!r}, the job of {asked!r}; compute them again")


def check_backbone(manifest: dict[str, Any], network: nn.Module) -> None:
    """Refuse a backbone that did not make the features.

    Raises:
        FeaturesError: its weights have another SHA-256.
    """
    sha256, made_by = digest_of(backbone_state(network)), manifest["backbone"]["sha256"]
    if sha256 != made_by:
        raise FeaturesError(
            f"the features were made by a backbone with SHA-256 {made_by[:12]}, this one has {sha256[:12]}; "
            "compute the features again with these weights"
        )


def _varied(images: Tensor, config: TrainingConfig, generator: torch.Generator) -> Tensor:
    """Return one variation of each image, as an epoch of training on images would see it."""
    pixels = rand_augment(images, config.randaugment) if config.randaugment else images
    recipe = RECIPES[config.augment]
    return pixels if recipe is None else augment(pixels, recipe, generator, config.image_size)


def _rows(split: Split) -> list[SampleRow]:
    paths = [sample.relative_path for sample in split.samples]
    digests = [digest.hex() for digest in split.digests]
    return list(zip(paths, split.labels.tolist(), digests, strict=True))
