"""What lies in an image folder: images by class, and whatever else there is with the reason it is set aside."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from datasets import errors
from datasets.errors import DatasetError as NotTrainableError
from datasets.gate import check_readable
from datasets.layout import File, Image, Layout, class_of_path, read_layout
from datasets.limits import IMAGE_SUFFIXES
from datasets.paths import file_problem
from datasets.splits import make_splits, units_of
from datasets.tables import MAX_TABLE_BYTES
from datasets.walking import reader, walk
from training.errors import DatasetError


@dataclass(frozen=True)
class Sample:
    """One image file of a split."""

    path: Path
    relative_path: str  # to the folder with splits or classes, with slashes
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
    is_made: bool = False  # taken from train: it may be made in another way


def channel_samples(folder: Path, labels: Mapping[str, str] | None = None) -> Listing:
    """Return every image file of a SageMaker channel; a file's class is what `labels` says, else its folder's name.

    The path before the class may have any length, since it is the object's path after the manifest's prefix.

    Raises:
        DatasetError: no such folder, or no image file in it.
    """
    listing = Listing([])
    for path in _files(folder):
        if path.endswith("/"):
            continue
        class_name = labels.get(path, "") if labels else class_of_path(path) if "/" in path else ""
        no_class = "no label in labels.json" if labels else "not inside a class folder"
        if problem := file_problem(path, None) or ("" if class_name else no_class):
            listing.problems.append(DataProblem(path, problem))
        else:
            listing.samples.append(Sample(folder / path, path, class_name))
    _require_images(listing.samples, folder)
    listing.samples.sort(key=lambda sample: sample.path)
    return listing


def splits_of_folder(
    root: Path, validation_fraction: float, test_fraction: float, seed: int, group_by: str = ""
) -> dict[str, Listing]:
    """Return train, validation and test of an image folder; those it lacks are taken from train, stratified and seeded.

    Where no class has images to spare there is no test.

    Raises:
        DatasetError: no such folder, no image in it, there are splits, but no train, nothing is left to validate on, or
            `group_by` is no regular expression.
    """
    files = [File(path) for path in _files(root)]
    try:
        layout = read_layout(files, read=reader(root, MAX_TABLE_BYTES))
        if layout.images or layout.export:
            check_readable(layout, str(root))
    except errors.DatasetError as error:
        raise DatasetError(str(error)) from error
    _require_images(layout.images, root)
    if layout.has_splits() and not layout.has_split("train"):
        given = sorted(name for name in layout.folders if name)
        raise DatasetError(f"{str(root)!r} has {given} but no train/ folder; add it, or leave out all splits")
    fractions = {"validation": validation_fraction, "test": test_fraction}
    try:
        images, made = make_splits(layout.images, fractions, seed, units_of(layout.images, group_by))
    except NotTrainableError as error:
        raise DatasetError(str(error)) from error
    _require_validation(images, made, root)
    listings = {name: Listing([], is_made=name in made) for name in ("train", "validation", "test")}
    for image in images:
        listings[image.split].samples.append(Sample(root / layout.top / image.path, image.path, image.class_name))
    for listing in listings.values():
        listing.samples.sort(key=lambda sample: sample.path)
    listings["train"].problems += [DataProblem(aside.path, aside.reason) for aside in layout.set_aside]
    listings["train"].problems += _empty_folders(files, layout)
    listings["train"].problems += [DataProblem(str(root), remark, "reported") for remark in layout.remarks]
    return {name: listing for name, listing in listings.items() if listing.samples}


def _files(folder: Path) -> Iterator[str]:
    """Yield the path of each file, and of each folder with "/" at its end, without hidden ones."""
    if not folder.is_dir():
        raise DatasetError(f"image folder {str(folder)!r} does not exist; give a folder that holds CLASS/*.jpg")
    try:
        yield from walk(folder)
    except errors.DatasetError as error:
        raise DatasetError(str(error)) from error


def _require_images(images: Sequence[Sample | Image], folder: Path) -> None:
    if not images:
        raise DatasetError(f"no images under {str(folder)!r}; expected CLASS/*{', CLASS/*'.join(IMAGE_SUFFIXES)}")


def _require_validation(images: Sequence[Image], made: Sequence[str], root: Path) -> None:
    """A made split takes images of classes that have one for it and one more to train on."""
    if all(image.split != "validation" for image in images):
        most = max(Counter(image.class_name for image in images).values())
        raise DatasetError(
            f"{str(root)!r} has at most {most} {'image' if most == 1 else 'images'} a class, too few to validate on; "
            f"at least {1 + len(made)} of a class are needed, and 5 are sensible"
        )


def _empty_folders(files: Iterable[File], layout: Layout) -> list[DataProblem]:
    used = {parent.as_posix() for image in layout.images for parent in PurePosixPath(layout.top + image.path).parents}
    folders = sorted(file.path for file in files if file.path.endswith("/") and file.path.rstrip("/") not in used)
    return [DataProblem(folder, "a folder without an image; it is no class") for folder in folders]
