"""Image folders: splits, classes, and files that cannot be read."""

import json
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from inference.preprocessing import Preprocessing
from tests.training.pictures import write_images
from training.config import TrainingConfig
from training.data.splits import Datasets, load_datasets
from training.errors import DatasetError

PREPROCESSING = Preprocessing.for_image_size(32)
MakeConfig = Callable[..., TrainingConfig]


def load(config: TrainingConfig) -> Datasets:
    return load_datasets(config, PREPROCESSING, PREPROCESSING)


def test_folder_with_splits_is_read_as_it_is(image_folder: Path, make_config: MakeConfig) -> None:
    """train/, valid/ and test/ become the three splits, classes in sorted order."""
    datasets = load(make_config())

    assert datasets.class_names == ["blue", "green", "red"]
    assert (len(datasets.train), len(datasets.validation), len(datasets.test or [])) == (24, 12, 12)
    assert datasets.train.labels.tolist() == [0] * 8 + [1] * 8 + [2] * 8
    assert datasets.test is not None
    assert datasets.test.samples[0].relative_path == "test/blue/0.jpg"


def test_folder_without_splits_gets_all_three(tmp_path: Path, make_config: MakeConfig) -> None:
    """Every class is split alike, no image twice, and the same seed gives the same splits."""
    write_images(tmp_path / "photos", 20)

    datasets = load(make_config())

    again = load(make_config())
    assert datasets.test is not None
    splits = [datasets.train, datasets.validation, datasets.test]
    assert [len(split) for split in splits] == [42, 9, 9]
    assert all(set(Counter(split.labels.tolist()).values()) == {len(split) // 3} for split in splits)
    assert len({sample.path for split in splits for sample in split.samples}) == 60
    assert datasets.validation.samples == again.validation.samples


def test_missing_validation_split_is_taken_from_train(image_folder: Path, make_config: MakeConfig) -> None:
    """A dataset with train/ and test/ only keeps its test split whole."""
    shutil.rmtree(image_folder / "valid")

    datasets = load(make_config())

    assert (len(datasets.train), len(datasets.validation), len(datasets.test or [])) == (21, 3, 12)


def test_class_index_comes_from_classes_json(image_folder: Path, tmp_path: Path, make_config: MakeConfig) -> None:
    """The order of the classes channel decides, not the alphabet."""
    (tmp_path / "classes.json").write_text(json.dumps(["red", "green", "blue"]))

    datasets = load(make_config(classes=tmp_path))

    assert datasets.train.labels[0] == 2
    assert datasets.train.samples[0].class_name == "blue"


def test_classes_come_from_the_labels_channel(image_folder: Path, tmp_path: Path, make_config: MakeConfig) -> None:
    """Where folders do not say them: a picture without a label is set aside."""
    for split in ("train", "valid"):
        for path in sorted((image_folder / split).rglob("*.jpg")):
            path.rename(image_folder / split / f"{path.parent.name}-{path.name}")
    pictures = {path.name: path.name.partition("-")[0] for path in (image_folder / "train").glob("*.jpg")}
    (tmp_path / "labels.json").write_text(
        json.dumps({name: of for name, of in pictures.items() if name != "red-7.jpg"})
    )
    folders = {"train": image_folder / "train", "validation": image_folder / "valid"}

    datasets = load(replace(make_config(labels=tmp_path, **folders), data=None))

    assert datasets.class_names == ["blue", "green", "red"]
    assert datasets.train.labels.tolist() == [0] * 8 + [1] * 8 + [2] * 7
    assert [(problem.path, problem.reason) for problem in datasets.problems] == [
        ("red-7.jpg", "no label in labels.json")
    ]


def test_unreadable_image_is_set_aside_with_its_reason(image_folder: Path, make_config: MakeConfig) -> None:
    """The labels of the other images stay with their pictures."""
    (image_folder / "train" / "blue" / "0.jpg").write_bytes(b"no picture")

    datasets = load(make_config(max_unreadable=0.1))

    assert [problem.path for problem in datasets.problems] == ["train/blue/0.jpg"]
    assert "not a JPEG" in datasets.problems[0].reason
    assert datasets.train.labels.tolist() == [0] * 7 + [1] * 8 + [2] * 8
    assert datasets.train.cache is not None
    assert datasets.train.cache[0, 2].float().mean() > datasets.train.cache[0, 0].float().mean()  # blue is blue


def test_too_many_unreadable_images_fail_the_job(image_folder: Path, make_config: MakeConfig) -> None:
    """The sentence counts them over all splits and names the first."""
    for split in ("train", "valid", "test"):
        (image_folder / split / "blue" / "0.jpg").write_bytes(b"no picture")

    with pytest.raises(DatasetError, match=r"3 of 48 images cannot be used.*allows 5%.*'train/blue/0.jpg'"):
        load(make_config())


def test_class_left_without_a_readable_image_fails_by_name(image_folder: Path, make_config: MakeConfig) -> None:
    """A class that the network never sees must not take part."""
    for path in (image_folder / "train" / "green").iterdir():
        path.write_bytes(b"")

    with pytest.raises(DatasetError, match="class 'green' has no readable image in the train split"):
        load(make_config(max_unreadable=0.9))


def test_class_absent_from_train_is_refused_by_name(image_folder: Path, make_config: MakeConfig) -> None:
    """A class that exists in the test split only would shift nothing silently."""
    shutil.rmtree(image_folder / "train" / "red")

    with pytest.raises(DatasetError, match=r"'valid/red/0.jpg' of the validation split is of class 'red'"):
        load(make_config())


def test_one_class_is_refused(image_folder: Path, make_config: MakeConfig) -> None:
    """There is nothing to tell apart."""
    for split in ("train", "valid", "test"):
        for class_name in ("red", "green"):
            shutil.rmtree(image_folder / split / class_name)

    with pytest.raises(DatasetError, match="at least 2 different class folders"):
        load(make_config())


def test_folder_without_image_files_is_refused(tmp_path: Path, make_config: MakeConfig) -> None:
    """The sentence lists what counts as an image file."""
    (tmp_path / "photos" / "blue").mkdir(parents=True)
    (tmp_path / "photos" / "blue" / "notes.txt").write_text("x")

    with pytest.raises(DatasetError, match=r"no images under .*\.jpg, CLASS/\*\.jpeg, .*\.webp"):
        load(make_config())


def test_names_in_any_script_survive(tmp_path: Path, make_config: MakeConfig) -> None:
    """Spaces, quotes, percent signs and other scripts in class and file names."""
    write_images(tmp_path / "photos" / "train", 4)
    names = ["Gänse blümchen", "100% 'rose'", "ひまわり"]
    for old, new in zip(("blue", "green", "red"), names, strict=True):
        (tmp_path / "photos" / "train" / old).rename(tmp_path / "photos" / "train" / new)

    assert load(make_config()).class_names == sorted(names)


@pytest.mark.filterwarnings("ignore:'pin_memory'")
def test_images_beyond_the_cache_are_decoded_anew(image_folder: Path, make_config: MakeConfig) -> None:
    """The pixels are the same with and without the cache."""
    cached, decoded = load(make_config()).train, load(make_config(cache_mb=0)).train
    order = torch.tensor([5, 0, 23])

    (with_cache,) = cached.batches(8, order)
    (without,) = decoded.batches(8, order)

    assert decoded.cache is None
    assert torch.equal(with_cache[0], without[0])
    assert torch.equal(with_cache[1], without[1])
