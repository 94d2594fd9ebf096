"""Features once: what is computed, and that features of another job are refused."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from inference.model import ModelSpec, build_model, head_name, normalise, replace_head
from inference.preprocessing import Preprocessing
from training.config import TrainingConfig
from training.data.augmentation import training_preprocessing
from training.data.splits import Datasets, load_datasets
from training.errors import ConfigError, FeaturesError
from training.features.computing import (
    check_backbone,
    check_features,
    check_settings,
    compute_features,
    workshop_of,
)
from training.features.parts import PartFolder
from training.features.served import ServedFeatures
from training.features.store import FeatureStore, open_store

MakeConfig = Callable[..., TrainingConfig]
PREPROCESSING = Preprocessing.for_image_size(32)


def silent(line: str) -> None:
    """Say nothing."""


def compute(config: TrainingConfig, folder: Path) -> tuple[FeatureStore, nn.Module, Datasets]:
    """Return the features of a new network, the network and the images."""
    torch.manual_seed(0)
    network = build_model(ModelSpec("resnet18", 3)).eval()
    workshop = workshop_of(copy.deepcopy(network), config, PREPROCESSING)
    served = ServedFeatures(workshop, PartFolder(folder / "parts"), silent)
    training = training_preprocessing(PREPROCESSING, config.augment)
    datasets = load_datasets(config, PREPROCESSING, training, read=served.read_split)
    compute_features(served, datasets, config, folder, silent)
    return open_store(folder), network, datasets


@pytest.mark.usefixtures("image_folder")
def test_view_0_is_what_the_head_sees_when_served(make_config: MakeConfig, tmp_path: Path) -> None:
    """Of training images too, though they are kept larger for `strong`."""
    config = make_config(extractor="torch", feature_precision="fp32", augment="strong", trainable="head")
    store, network, datasets = compute(config, tmp_path / "features")
    replace_head(network, nn.Identity())

    served = load_datasets(config, PREPROCESSING, PREPROCESSING)
    for split, features in ((served.train, store.train), (datasets.validation, store.validation)):
        rows = torch.arange(len(split))
        with torch.inference_mode():
            expected = network(normalise(next(split.batches(64))[0], PREPROCESSING))
        torch.testing.assert_close(features.take(rows, torch.zeros_like(rows)), expected, rtol=2e-3, atol=2e-3)


@pytest.mark.usefixtures("image_folder")
def test_views_are_varied_and_repeat_with_the_seed(make_config: MakeConfig, tmp_path: Path) -> None:
    """Three views beside the plain one, each different, the same whenever they are computed."""
    config = make_config(extractor="torch", augment="basic", trainable="head")
    first, again = (compute(config, tmp_path / name)[0].train for name in ("first", "again"))

    rows = torch.arange(len(first.samples))
    views = [first.take(rows, torch.full_like(rows, view)) for view in range(first.num_views)]
    assert first.num_views == 4
    assert all(not torch.equal(views[a], views[b]) for a in range(4) for b in range(a))
    assert torch.equal(again.take(rows, torch.full_like(rows, 3)), views[3])


@pytest.mark.usefixtures("image_folder")
def test_without_augmentation_there_is_one_view(make_config: MakeConfig, tmp_path: Path) -> None:
    """Nothing would vary the others."""
    store, _, _ = compute(make_config(extractor="torch", augment="none", trainable="head"), tmp_path / "features")

    assert store.train.num_views == 1
    assert store.description["backbone"]["model_name"] == "resnet18"
    assert [len(sha256) for _, _, sha256 in store.train.samples] == [64] * 24


MANIFEST: dict[str, Any] = {
    "class_names": ["blue", "green"],
    "dataset_fingerprint": "abc",
    "backbone": {"model_name": "resnet18", "weights": "none", "sha256": "0" * 64},
    "image_size": 32,
    "augment": "basic",
    "randaugment": 0,
    "seed": 0,
}


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"model_name": "resnet50"}, "the features are of model_name 'resnet18', the job of 'resnet50'"),
        ({"weights": "imagenet"}, "of weights 'none', the job of 'imagenet'"),
        ({"image_size": 64}, "of image_size 32, the job of 64"),
        ({"augment": "strong"}, "of augment 'basic', the job of 'strong'"),
        ({"randaugment": 9}, "of randaugment 0, the job of 9"),
        ({"seed": 1}, "of seed 0, the job of 1"),
        ({"dataset_fingerprint": "def"}, "of dataset_fingerprint 'abc', the job of 'def'"),
    ],
)
def test_features_of_another_job_are_refused(
    make_config: MakeConfig, settings: dict[str, object], sentence: str
) -> None:
    """The sentence names what differs, and what to do."""
    config = make_config(trainable="head", **settings)

    with pytest.raises(FeaturesError, match=f"{sentence}; compute them again"):
        check_features(MANIFEST, config, None)


def test_features_of_other_classes_are_refused(make_config: MakeConfig) -> None:
    """A class index must mean the same to the features and to the model."""
    with pytest.raises(FeaturesError, match=r"of class_names \['blue', 'green'\], the job of \['green', 'blue'\]"):
        check_features(MANIFEST, make_config(), ["green", "blue"])


def test_plain_view_serves_a_job_without_augmentation(make_config: MakeConfig) -> None:
    """View 0 is the same whatever the other views are."""
    check_features(MANIFEST, make_config(augment="none"), ["blue", "green"])


def test_other_backbone_is_refused_by_its_digest(make_config: MakeConfig) -> None:
    """A head is worth nothing on another backbone, even one of the same name."""
    with pytest.raises(FeaturesError, match="made by a backbone with SHA-256 000000000000, this one has"):
        check_backbone(MANIFEST, build_model(ModelSpec("resnet18", 2)))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"trainable": "full"}, "unfreeze_depth=-1 needs images.*use trainable=head"),
        ({"unfreeze_depth": 1}, "unfreeze_depth=1 needs images"),
        ({"cutmix": 0.5}, "cutmix=0.5 needs images.*use cutmix=0"),
        ({"progressive_resize": 0.5}, "progressive_resize=0.5 needs images.*use progressive_resize=1"),
    ],
)
def test_settings_that_need_images_are_refused(
    make_config: MakeConfig, settings: dict[str, object], sentence: str
) -> None:
    """Ignoring them would train something else than was asked for."""
    with pytest.raises(ConfigError, match=sentence):
        check_settings(make_config(**{"trainable": "head", **settings}))


def test_head_is_replaced_in_place() -> None:
    """What is put into a network is what it then answers with."""
    network = build_model(ModelSpec("mobilenet_v3_small", 2)).eval()
    name = head_name(network)

    old = replace_head(network, nn.Identity())

    assert name == "classifier.3"
    assert isinstance(old, nn.Sequential)
    assert network(torch.zeros(1, 3, 32, 32)).shape == (1, 1024)
