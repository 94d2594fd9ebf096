"""Features once: what a frozen backbone gives for each image and for seeded variations of the training images."""

import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import nn

from inference.model import replace_head
from inference.preprocessing import Preprocessing
from training.config import TrainingConfig
from training.data.calibration import calibration_images
from training.data.splits import Datasets, Split
from training.errors import ConfigError, FeaturesError
from training.features.extractors import Extractor, make_extractor
from training.features.served import ServedFeatures
from training.features.store import FeatureWriter, SampleRow
from training.features.workshop import Workshop, num_varied_views
from training.model.weights import backbone_state, digest_of
from training.versions import versions

# Settings that a frozen backbone's features leave no room for, with the value that switches them off.
WITHOUT_EFFECT = {"unfreeze_depth": 0, "cutmix": 0, "progressive_unfreeze": 0, "progressive_resize": 1}


def workshop_of(network: nn.Module, config: TrainingConfig, preprocessing: Preprocessing) -> Workshop:
    """Return what computes features by `network`, which loses its head."""
    backbone_sha256 = digest_of(backbone_state(network))
    replace_head(network, nn.Identity())
    extractor = make_extractor(network, preprocessing, config.extractor, config.feature_precision)
    return Workshop(config, extractor, preprocessing, backbone_sha256)


def compute_features(
    served: ServedFeatures,
    datasets: Datasets,
    config: TrainingConfig,
    folder: Path,
    say: Callable[[str], None],
) -> None:
    """Write the features of the train and validation splits to `folder`, which is complete when this returns."""
    started = time.perf_counter()
    extractor = served.workshop.extractor
    if extractor is None:
        raise ConfigError("features need a backbone")
    writer = FeatureWriter(folder)
    writer.write_split("train", _rows(datasets.train), served.blocks(datasets.train, are_varied=True))
    writer.write_split("validation", _rows(datasets.validation), served.blocks(datasets.validation))
    # So that the job which saves the network needs none of the training images.
    writer.write_calibration(calibration_images(datasets.train.samples, served.workshop.preprocessing))
    writer.finish(description(served.workshop.backbone_sha256, datasets, config, extractor))
    seconds = time.perf_counter() - started
    count = sum(split["num_images"] * split["num_views"] for split in writer.splits.values())
    say(
        f"features of {count} images by {extractor.name} in {extractor.precision}: "
        f"feature_seconds={seconds:.2f} feature_images_per_second={count / seconds:.0f}"
    )


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


def _rows(split: Split) -> list[SampleRow]:
    paths = [sample.relative_path for sample in split.samples]
    digests = [digest.hex() for digest in split.digests]
    return list(zip(paths, split.labels.tolist(), digests, strict=True))
