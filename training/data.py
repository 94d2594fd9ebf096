"""Image folders as splits of decoded images; unreadable files are set aside, and no class index ever shifts."""

import json
import os
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from training.config import TrainingConfig
from training.errors import DatasetError
from training.preprocessing import ImageError, Preprocessing, decode_image

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
    """A file that was set aside, and why."""

    path: str
    reason: str


@dataclass
class Split:
    """The readable images of one split; `cache` is None when they are decoded anew each epoch."""

    name: str
    samples: list[Sample]
    labels: Tensor  # (N,) int64
    preprocessing: Preprocessing
    cache: Tensor | None  # (N, 3, H, W) uint8
    workers: int = 0

    def __len__(self) -> int:
        return len(self.samples)

    def batches(self, batch_size: int, order: Tensor | None = None) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield uint8 images (B, 3, H, W) and labels (B,) in file order, or in `order` (indices, any length)."""
        indices = torch.arange(len(self)) if order is None else order
        if self.cache is not None:
            for chunk in torch.split(indices, batch_size):
                yield self.cache[chunk], self.labels[chunk]
        else:
            # Threads, since Pillow decodes outside the interpreter lock, and no epoch waits for processes to start.
            with ThreadPoolExecutor(max_workers=self.workers or os.cpu_count()) as pool:
                for chunk in torch.split(indices, batch_size):
                    yield torch.stack(list(pool.map(self._decode, chunk.tolist()))), self.labels[chunk]

    def _decode(self, index: int) -> Tensor:
        return decode_image(self.samples[index].path.read_bytes(), self.preprocessing)


@dataclass
class Datasets:
    """All that a training job reads."""

    class_names: list[str]
    train: Split
    validation: Split
    test: Split | None
    problems: list[DataProblem] = field(default_factory=list)


def load_datasets(config: TrainingConfig, preprocessing: Preprocessing, training: Preprocessing) -> Datasets:
    """Read all splits; training images may be kept larger (`training`) than what the network sees.

    Raises:
        DatasetError: fewer than 2 classes, a class without a training image, an unknown class folder, or too many
            unreadable images.
    """
    folders = find_samples(config)
    class_names = _class_names(config.classes, folders["train"])
    for name, samples in folders.items():
        _check_class_folders(name, samples, class_names)
    problems: list[DataProblem] = []
    room = config.cache_mb * 2**20

    def read(name: str, how: Preprocessing) -> Split:
        nonlocal room
        split, found = read_split(name, folders[name], class_names, how, config, room)
        room -= 0 if split.cache is None else split.cache.numel()
        problems.extend(found)
        return split

    train = read("train", training)
    _check_every_class_trains(train, class_names)
    validation = read("validation", preprocessing)
    test = read("test", preprocessing) if "test" in folders else None
    return Datasets(class_names, train, validation, test, problems)


def find_samples(config: TrainingConfig) -> dict[str, list[Sample]]:
    """Return the image files of train, validation and, where there is one, test."""
    if config.data is not None:
        return _samples_of_folder(config.data, config)
    folders = {"train": config.train, "validation": config.validation, "test": config.test}
    return {name: list_samples(folder, folder) for name, folder in folders.items() if folder is not None}


def list_samples(folder: Path, root: Path) -> list[Sample]:
    """Return every image file under `folder`, sorted by path; a file's class is its parent folder's name.

    Raises:
        DatasetError: no such folder, or no image file in it.
    """
    if not folder.is_dir():
        raise DatasetError(f"image folder {str(folder)!r} does not exist; give a folder that holds CLASS/*.jpg")
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    visible = [path for path in paths if not path.name.startswith(".")]
    if not visible:
        raise DatasetError(f"no images under {str(folder)!r}; expected CLASS/*{', CLASS/*'.join(SUFFIXES)}")
    return [Sample(path, path.relative_to(root).as_posix(), path.parent.name) for path in visible]


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


def read_split(
    name: str,
    samples: list[Sample],
    class_names: list[str],
    preprocessing: Preprocessing,
    config: TrainingConfig,
    room: int,
) -> tuple[Split, list[DataProblem]]:
    """Decode every image once, keeping the pixels if they fit in `room` bytes; unreadable files are left out.

    Raises:
        DatasetError: nothing is left, or more than `max_unreadable` of the images cannot be read.
    """
    side = preprocessing.image_size
    fits = len(samples) * 3 * side * side <= room
    cache = torch.empty((len(samples) if fits else 0, 3, side, side), dtype=torch.uint8)

    def read(index: int) -> DataProblem | None:
        try:
            pixels = decode_image(samples[index].path.read_bytes(), preprocessing)
        except (ImageError, OSError) as error:
            return DataProblem(samples[index].relative_path, str(error))
        if fits:
            cache[index] = pixels
        return None

    pool = ThreadPoolExecutor(max_workers=os.cpu_count())  # Pillow decodes outside the interpreter lock
    try:
        outcomes = list(pool.map(read, range(len(samples))))
    finally:
        pool.shutdown(cancel_futures=True)  # a job that is told to stop does not read the rest first
    problems = [outcome for outcome in outcomes if outcome is not None]
    readable = [index for index, outcome in enumerate(outcomes) if outcome is None]
    _check_readable(name, len(samples), problems, config.max_unreadable)
    index_of = {class_name: index for index, class_name in enumerate(class_names)}
    kept = [samples[index] for index in readable]
    labels = torch.tensor([index_of[sample.class_name] for sample in kept], dtype=torch.int64)
    pixels = (cache[readable] if problems else cache) if fits else None
    return Split(name, kept, labels, preprocessing, pixels, config.workers), problems


def _samples_of_folder(root: Path, config: TrainingConfig) -> dict[str, list[Sample]]:
    """Return the splits of an image folder; those it lacks are taken from train, stratified and seeded."""
    found = {
        name: list_samples(folder, root)
        for name, choices in SPLIT_FOLDERS.items()
        if (folder := next((root / choice for choice in choices if (root / choice).is_dir()), None)) is not None
    }
    if "train" not in found:
        if found:
            raise DatasetError(
                f"{str(root)!r} has {sorted(found)} but no train/ folder; add it, or leave out all splits"
            )
        found["train"] = list_samples(root, root)
    total = len(found["train"])
    for name, fraction in (("test", config.test_fraction), ("validation", config.validation_fraction)):
        if name not in found:
            share = fraction * total / len(found["train"])  # a fraction of what train held at first
            found["train"], found[name] = split_samples(found["train"], share, config.seed)
    return found


def _class_names(classes: Path | None, train: list[Sample]) -> list[str]:
    """Return the class names in the order of their index."""
    if classes is None:
        names = sorted({sample.class_name for sample in train})
    else:
        try:
            names = json.loads((classes / "classes.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DatasetError(f"classes.json cannot be read from {str(classes)!r}: {error}") from error
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise DatasetError("classes.json is not a JSON list of class names")
    if len(names) < 2 or len(set(names)) != len(names):
        raise DatasetError(f"class names {names!r}; at least 2 different class folders are needed")
    return names


def _check_class_folders(name: str, samples: list[Sample], class_names: list[str]) -> None:
    known = set(class_names)
    for sample in samples:
        if sample.class_name not in known:
            raise DatasetError(
                f"{sample.relative_path!r} of the {name} split is of class {sample.class_name!r}, which the classes "
                "to train do not have; add such images to train, or remove the folder"
            )


def _check_every_class_trains(train: Split, class_names: list[str]) -> None:
    counts = Counter(train.labels.tolist())
    missing = [name for index, name in enumerate(class_names) if not counts[index]]
    if missing:
        raise DatasetError(
            f"class {missing[0]!r} has no readable image in the train split; add some, or remove the class"
        )


def _check_readable(name: str, total: int, problems: list[DataProblem], limit: float) -> None:
    if problems and (len(problems) == total or len(problems) > limit * total):
        first = problems[0]
        raise DatasetError(
            f"{len(problems)} of {total} images of the {name} split cannot be read (at most {limit:.0%} may be), "
            f"the first {first.path!r}: {first.reason}; repair or remove them"
        )
