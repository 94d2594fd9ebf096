"""Features count only for the very pictures and splits that they were computed of."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.training.pictures import COLOURS, write_images
from training.errors import FeaturesError
from training.features.binding import check_images
from training.features.store import FeatureSplit, FeatureStore, sha256_of
from training.listing import Listing, splits_of_folder

CLASSES = sorted(COLOURS)


def listings_of(folder: Path, fraction: float = 0.25, seed: int = 0) -> dict[str, Listing]:
    return splits_of_folder(folder, fraction, fraction, seed)


def store_of(listings: dict[str, Listing]) -> FeatureStore:
    """The features that a job would have computed of `listings`, but for their values."""

    def split(name: str) -> FeatureSplit:
        samples = listings[name].samples
        rows = [(each.relative_path, CLASSES.index(each.class_name), sha256_of(each.path)) for each in samples]
        return FeatureSplit(name, rows, [np.zeros((len(rows), 1, 2), np.float16)], 1)

    return FeatureStore({"class_names": CLASSES, "data_problems": []}, split("train"), split("validation"))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """An image folder without splits."""
    write_images(tmp_path / "photos", 8, side=8)
    return tmp_path / "photos"


def test_same_pictures_pass(photos: Path) -> None:
    """Nothing has changed, and a split that is not here is not compared."""
    store = store_of(listings_of(photos))

    check_images(store, listings_of(photos), photos)
    check_images(store, {}, photos)


def test_pictures_that_could_not_be_used_then_are_no_difference(photos: Path) -> None:
    """A damaged file lies there still, as it did when the features were computed."""
    store = store_of(listings_of(photos))
    store.description["data_problems"].append({"path": "red/x.jpg", "reason": "damaged image", "kind": "set aside"})
    listings = listings_of(photos)
    sample = listings["train"].samples[0]

    listings["train"].samples.append(type(sample)(photos / "red/x.jpg", "red/x.jpg", "red"))

    check_images(store, listings, photos)


def replace(photos: Path) -> None:
    write_images(photos / "other", 1, side=8)
    (photos / "other" / "red" / "0.jpg").replace(photos / "red" / "3.jpg")
    for path in sorted((photos / "other").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (photos / "other").rmdir()


@pytest.mark.parametrize(
    ("change", "fraction", "seed", "sentence"),
    [
        (replace, 0.25, 0, r"'red/3.jpg' has changed"),
        (lambda photos: (photos / "red/3.jpg").rename(photos / "red/9.jpg"), 0.25, 0, r"is n(ot|ew) in the"),
        (lambda photos: (photos / "red/3.jpg").unlink(), 0.25, 0, r"is n(ot|ew) in the"),
        (lambda photos: None, 0.25, 1, r"is not in the train split now and \d+ more"),
        (lambda photos: None, 0.4, 0, r"is not in the train split now and \d+ more"),
    ],
    ids=["content", "name", "deletion", "seed", "fraction"],
)
def test_other_pictures_or_splits_are_refused(
    photos: Path, change: Callable[[Path], object], fraction: float, seed: int, sentence: str
) -> None:
    """Of another seed, the pictures trained on would be among those tested on."""
    store = store_of(listings_of(photos))
    change(photos)

    with pytest.raises(FeaturesError, match=rf"are of other data: .*{sentence}.*; give another folder to --features"):
        check_images(store, listings_of(photos, fraction, seed), photos)


def test_picture_of_another_class_is_refused(photos: Path) -> None:
    """As where a file of labels has changed and no file has moved."""
    store, listings = store_of(listings_of(photos)), listings_of(photos)
    first = listings["train"].samples[0]

    listings["train"].samples[0] = type(first)(first.path, first.relative_path, "red")

    with pytest.raises(FeaturesError, match=r"'blue/\d.jpg' is of class 'red' now; give another"):
        check_images(store, listings, photos)
