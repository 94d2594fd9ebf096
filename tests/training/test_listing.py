"""What lies in an image folder: one that leaves nothing to validate on is refused before a picture is read."""

from pathlib import Path

import pytest

from training.errors import DatasetError
from training.listing import splits_of_folder


def write(folder: Path, *paths: str) -> Path:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).touch()
    return folder


@pytest.mark.parametrize("count", [1, 2])
def test_too_few_images_to_validate_on_are_refused(tmp_path: Path, count: int) -> None:
    """The sentence says how many there are and how many are needed; no picture is opened for it."""
    folder = write(tmp_path, *(f"{name}/{index}.jpg" for name in "ab" for index in range(count)))

    with pytest.raises(DatasetError, match=rf"at most {count} images? a class, too few to validate on; at least 3 "):
        splits_of_folder(folder, 0.15, 0.15, 0)


def test_one_class_with_images_to_spare_is_enough(tmp_path: Path) -> None:
    """What is not known of the other class is reported later, by name."""
    folder = write(tmp_path, "a/1.jpg", *(f"b/{index}.jpg" for index in range(3)))

    listings = splits_of_folder(folder, 0.15, 0.15, 0)

    assert {name: len(listing.samples) for name, listing in listings.items()} == {
        "train": 2,
        "validation": 1,
        "test": 1,
    }


def test_given_test_split_leaves_validation_one_of_two(tmp_path: Path) -> None:
    """Only what is missing is made."""
    folder = write(tmp_path, *(f"train/{name}/{index}.jpg" for name in "ab" for index in range(2)), "test/a/9.jpg")

    assert {name: len(each.samples) for name, each in splits_of_folder(folder, 0.15, 0.15, 0).items()} == {
        "train": 2,
        "validation": 2,
        "test": 1,
    }
