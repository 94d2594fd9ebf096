"""Features on disk: they come back as written, from several shards, and damage is never trained on."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from training.errors import FeaturesError
from training.features.store import FeatureStore, FeatureWriter, open_store, read_manifest

WIDTH = 4


def write(folder: Path, shard_bytes: int) -> torch.Tensor:
    """Write 10 training images with 3 views and 2 validation images; return the training features."""
    features = torch.arange(10 * 3 * WIDTH).reshape(10, 3, WIDTH).float()
    writer = FeatureWriter(folder, shard_bytes)
    writer.write_split("train", [(f"a/{row}.jpg", row % 2, "00") for row in range(10)], features.split(2))
    writer.write_split("validation", [("a/v.jpg", 0, "00"), ("b/v.jpg", 1, "00")], [torch.ones(2, 1, WIDTH)])
    writer.write_calibration(np.zeros((3, 8, 8, 3), np.uint8))
    writer.finish({"class_names": ["a", "b"]})
    return features


@pytest.fixture
def store(tmp_path: Path) -> FeatureStore:
    """A store whose training features lie in three shards."""
    write(tmp_path, shard_bytes=4 * 3 * WIDTH * 2)
    return open_store(tmp_path)


def test_any_rows_and_views_come_back_from_any_shard(tmp_path: Path) -> None:
    """Row i in view v is what was written, in whatever order it is asked for."""
    written = write(tmp_path, shard_bytes=4 * 3 * WIDTH * 2)
    rows, views = torch.tensor([9, 0, 4, 3, 9]), torch.tensor([2, 0, 1, 2, 0])

    taken = open_store(tmp_path).train.take(rows, views)

    assert torch.equal(taken, written[rows, views])


def test_shards_have_a_bounded_size(store: FeatureStore) -> None:
    """Four rows fit the bound, so ten rows make three files."""
    assert [len(shard) for shard in store.train.shards] == [4, 4, 2]
    assert [part["num_images"] for part in store.description["splits"]["train"]["shards"]] == [4, 4, 2]


def test_labels_follow_the_rows(store: FeatureStore) -> None:
    """The class index of each image is kept beside its path."""
    assert store.train.labels.tolist() == [0, 1] * 5
    assert (store.train.num_views, store.train.num_features) == (3, WIDTH)


@pytest.mark.parametrize("name", ["train-0001.npy", "train-samples.json", "validation-0000.npy", "calibration.npy"])
def test_one_changed_byte_is_refused_by_file_name(tmp_path: Path, name: str) -> None:
    """A transfer that went wrong must not become a worse model."""
    write(tmp_path, shard_bytes=100)
    content = bytearray((tmp_path / name).read_bytes())
    content[-2] ^= 1
    (tmp_path / name).write_bytes(content)

    with pytest.raises(FeaturesError, match=rf"features file '{name}' is damaged: .*compute the features again"):
        open_store(tmp_path)


def test_missing_shard_is_refused(tmp_path: Path) -> None:
    """The manifest says what there must be."""
    write(tmp_path, shard_bytes=100)
    (tmp_path / "train-0001.npy").unlink()

    with pytest.raises(FeaturesError, match=r"'train-0001.npy' cannot be read .*compute the features again"):
        open_store(tmp_path)


def test_unfinished_folder_is_no_store(tmp_path: Path) -> None:
    """The manifest comes last, so what a killed job left is not taken for features."""
    writer = FeatureWriter(tmp_path)
    writer.write_split("train", [("a/1.jpg", 0, "00")], [torch.ones(1, 1, WIDTH)])

    with pytest.raises(FeaturesError, match=r"has no manifest.json that can be read"):
        open_store(tmp_path)


def test_other_format_is_refused(tmp_path: Path) -> None:
    """Code of one version never guesses at the files of another."""
    write(tmp_path, shard_bytes=100)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    (tmp_path / "manifest.json").write_text(json.dumps({**manifest, "format_version": 9}))

    with pytest.raises(FeaturesError, match="features of format 9; this code reads format 1"):
        read_manifest(tmp_path)


def test_manifest_without_a_split_is_refused(tmp_path: Path) -> None:
    """What lacks validation cannot be trained on."""
    FeatureWriter(tmp_path).finish({})

    with pytest.raises(FeaturesError, match=r"manifest.json lacks 'train'"):
        open_store(tmp_path)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (float("nan"), "no finite numbers; use feature_precision=fp32"),
        (float("inf"), "no finite numbers; use feature_precision=fp32"),
        (-70_000.0, r"up to 7e\+04, and 65,504 is the most that is kept of one; use trainable=full"),
    ],
)
def test_features_that_float16_does_not_hold_are_refused(tmp_path: Path, value: float, sentence: str) -> None:
    """At the cast: a head would learn from infinities, and score like any other."""
    block = torch.ones(2, 1, WIDTH)
    block[1, 0, 0] = value

    with pytest.raises(FeaturesError, match=sentence):
        FeatureWriter(tmp_path).write_split("train", [("a/1.jpg", 0, "00")] * 2, [block])
