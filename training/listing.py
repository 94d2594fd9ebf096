"""What lies in an image folder: images by class, and whatever else there is with the reason it is set aside."""

import os
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from training.errors import DatasetError

SUFFIXES = (".jpg", ".jpeg", ".png", ".gif", ".webp")
SPLIT_FOLDERS = {"train": ("train",), "validation": ("valid", "validation", "val"), "test": ("test",)}


@dataclass(frozen=True)
class Sample:
    """One image file of a split."""

    path: Path
    relative_path: str  # to the dataset's root, with slashes
    class_name: str


@dataclass(frozen=True)
class DataProblem:
    """Something about the data that its owner should know; `kind` says whether the file took part all the same."""

    path: str
    reason: str
    kind: str = "set aside"  # or "reported"


@dataclass
class Listing:
    """The images of one split, sorted by path."""

    samples: list[Sample]
    problems: list[DataProblem] = field(default_factory=list)


def list_samples(folder: Path, root: Path, *, is_split: bool = False) -> Listing:
    """Return every image file under `folder`; a file's class is its parent folder's name.

    Where `folder` is known to be a split (`is_split`), only CLASS/FILE counts. In a SageMaker channel the path before
    the class may have any length, since it is the object's path after the manifest's prefix.

    Raises:
        DatasetError: no such folder, or no image file in it.
    """
    if not folder.is_dir():
        raise DatasetError(f"image folder {str(folder)!r} does not exist; give a folder that holds CLASS/*.jpg")
    listing = Listing([])
    folders: dict[str, bool] = {}  # class folder -> whether it holds an image
    for parts, names in _walk(folder):
        if parts:
            folders.setdefault("/".join(parts), False)
        for name in names:
            path = folder.joinpath(*parts, name)
            relative_path = path.relative_to(root).as_posix()
            reason = _why_no_sample(parts, name, is_split=is_split)
            if reason:
                listing.problems.append(DataProblem(relative_path, reason))
            else:
                listing.samples.append(Sample(path, relative_path, parts[-1]))
                for depth in range(1, len(parts) + 1):
                    folders["/".join(parts[:depth])] = True
    if not listing.samples:
        raise DatasetError(f"no images under {str(folder)!r}; expected CLASS/*{', CLASS/*'.join(SUFFIXES)}")
    for name in sorted(name for name, holds_image in folders.items() if not holds_image):
        where = (folder / name).relative_to(root).as_posix() + "/"
        listing.problems.append(DataProblem(where, "a folder without an image; it is no class"))
    listing.samples.sort(key=lambda sample: sample.path)
    return listing


def _walk(folder: Path) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """Yield (folders on the way, file names) without hidden ones; nothing but folders is read, so FastFile is cheap."""
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not _is_hidden(name))
        yield Path(here).relative_to(folder).parts, sorted(name for name in names if not _is_hidden(name))


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name in ("__MACOSX", "Thumbs.db", "desktop.ini")


def _why_no_sample(parts: tuple[str, ...], name: str, *, is_split: bool) -> str:
    if not name.lower().endswith(SUFFIXES):
        return f"not an image by its name; expected {', '.join(SUFFIXES)}"
    if not parts:
        return "not inside a class folder"
    return "deeper than a class folder" if is_split and len(parts) > 1 else ""


def splits_of_folder(root: Path, validation_fraction: float, test_fraction: float, seed: int) -> dict[str, Listing]:
    """Return train, validation and test of an image folder; those it lacks are taken from train, stratified and seeded.

    Raises:
        DatasetError: there are splits, but no train.
    """
    found = {
        name: list_samples(folder, root, is_split=True)
        for name, choices in SPLIT_FOLDERS.items()
        if (folder := next((root / choice for choice in choices if (root / choice).is_dir()), None)) is not None
    }
    if "train" not in found:
        if found:
            raise DatasetError(
                f"{str(root)!r} has {sorted(found)} but no train/ folder; add it, or leave out all splits"
            )
        found["train"] = list_samples(root, root, is_split=True)
    train = found["train"]
    total = len(train.samples)
    for name, fraction in (("test", test_fraction), ("validation", validation_fraction)):
        if name not in found:
            share = fraction * total / len(train.samples)  # a fraction of what train held at first
            train.samples, taken = split_samples(train.samples, share, seed)
            found[name] = Listing(taken)
    return found


def split_samples(samples: Sequence[Sample], fraction: float, seed: int) -> tuple[list[Sample], list[Sample]]:
    """Return (rest, taken): `fraction` of every class is taken, at least one image of each with two or more.

    The same files and seed give the same split, whatever order they come in.
    """
    by_class: dict[str, list[Sample]] = {}
    for sample in sorted(samples, key=lambda sample: sample.relative_path):
        by_class.setdefault(sample.class_name, []).append(sample)
    rest: list[Sample] = []
    taken: list[Sample] = []
    for class_name, members in sorted(by_class.items()):
        random.Random(f"{seed}/{class_name}").shuffle(members)  # noqa: S311 - a split, not a secret
        count = min(max(1, round(len(members) * fraction)), len(members) - 1)
        taken += members[:count]
        rest += members[count:]
    return rest, taken
