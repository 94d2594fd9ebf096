"""Image folders as splits of decoded images; what cannot be used is set aside, and no class index ever shifts.

Each file is opened once before training: decoding it also checks it and takes its checksum. Where the pixels fit the
cache that is the only time, so a FastFile channel, whose files come from S3 as they are read, is read once.
"""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inference.decoding import ImageError, decode_pixels
from inference.preprocessing import Preprocessing
from training.config import TrainingConfig
from training.data.checks import absent_classes, check_known_classes, duplicates, imbalance
from training.distributed import Shard
from training.doctor.signatures import Signature, signature_of
from training.errors import DatasetError
from training.listing import DataProblem, Listing, Sample, channel_samples, splits_of_folder
from training.shortages import shortage


def decode_image(data: bytes, preprocessing: Preprocessing) -> Tensor:
    """Return the picture in `data` as a uint8 tensor (3, image_size, image_size): upright, RGB, scaled, cropped.

    Raises:
        ImageError: as `decode_pixels`.
    """
    return torch.from_numpy(decode_pixels(data, preprocessing).copy()).permute(2, 0, 1).contiguous()


@dataclass
class Split:
    """The readable images of one split; `cache` is None when they are decoded anew each epoch."""

    name: str
    samples: list[Sample]
    labels: Tensor  # (N,) int64
    preprocessing: Preprocessing
    cache: Tensor | None  # (N, 3, H, W) uint8
    workers: int = 0
    digests: list[bytes] = field(default_factory=list)  # SHA-256 of each file
    signatures: list[Signature] = field(default_factory=list)  # where they were asked for

    def __len__(self) -> int:
        return len(self.samples)

    def batches(
        self, batch_size: int, order: Tensor | None = None, shard: Shard | None = None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield uint8 images (B, 3, H, W) and labels (B,) in file order, or in `order` (indices, any length).

        With a `shard`, each batch is our part of the whole one.
        """
        indices = torch.arange(len(self)) if order is None else order
        return self.chunks([chunk for chunk in torch.split(indices, batch_size) if len(chunk)], shard)

    def chunks(self, whole: Sequence[Tensor], shard: Shard | None = None) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield uint8 images and labels of each batch of indices, or of our part of it."""
        chunks = [chunk[(shard or Shard()).of(len(chunk))] for chunk in whole]
        if self.cache is not None:
            for chunk in chunks:
                yield self.cache[chunk], self.labels[chunk]
        else:
            # Threads, since Pillow decodes outside the interpreter lock, and no epoch waits for processes to start.
            with ThreadPoolExecutor(max_workers=self.workers or os.cpu_count()) as pool:
                for chunk in chunks:
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
    calibration: NDArray[np.uint8] | None = None  # (N, H, W, 3) kept with features, where train's images are not there
    moves: dict[str, str] = field(default_factory=dict)  # pictures that changed their split; "" for those taken out
    examination: dict[str, Any] = field(default_factory=dict)  # what the doctor found, without its list

    def digest(self) -> str:
        """Return a SHA-256 over classes, splits, names, labels and bytes: equal for equal data, wherever it lies."""
        digest = hashlib.sha256(json.dumps(self.class_names).encode())
        for split in filter(None, (self.train, self.validation, self.test)):
            for sample, label, content in zip(split.samples, split.labels.tolist(), split.digests, strict=True):
                digest.update(f"\n{split.name} {sample.relative_path} {label} ".encode() + content)
        return digest.hexdigest()


def load_datasets(
    config: TrainingConfig,
    preprocessing: Preprocessing,
    training: Preprocessing,
    listings: Mapping[str, Listing] | None = None,
    *,
    is_examined: bool = False,
    read: "Reader | None" = None,
) -> Datasets:
    """Read all splits; training images may be kept larger (`training`) than what the network sees.

    With `is_examined` each picture's signature is taken too, and who takes it tells of duplicates. `read` reads a split
    in place of `read_split`.

    Raises:
        DatasetError: fewer than 2 classes, a class without a training image, an unknown class folder, too many files
            that cannot be used, or too many images of train in validation or test.
    """
    listings = find_images(config) if listings is None else listings
    class_names = class_names_of(config.classes, listings["train"].samples)
    problems: list[DataProblem] = []
    unusable: list[DataProblem] = []
    splits: dict[str, Split] = {}
    room = config.cache_mb * 2**20
    for name, listing in listings.items():
        how = training if name == "train" else preprocessing
        splits[name], unreadable = (read or partial(read_split, with_signatures=is_examined))(
            name, listing, class_names, how, config, room
        )
        room -= 0 if (cache := splits[name].cache) is None else cache.numel()
        problems += listing.problems + unreadable
        unusable += unreadable
        if name == "train":
            _check_every_class_trains(splits[name], class_names)
        else:
            problems += absent_classes(name, splits[name].labels.tolist(), class_names)
    total = sum(len(listing.samples) for listing in listings.values())
    check_share(total, unusable, config.max_unreadable, config.num_unusable)
    problems += imbalance(splits["train"].labels.tolist(), class_names, config.class_balance)
    if not is_examined:
        samples = {name: split.samples for name, split in splits.items()}
        digests = {name: split.digests for name, split in splits.items()}
        problems += duplicates(samples, digests, config.max_duplicates)
    return Datasets(class_names, splits["train"], splits["validation"], splits.get("test"), problems)


def find_images(config: TrainingConfig) -> dict[str, Listing]:
    """Return what lies in train, validation and, where there is one, test, in this order."""
    if config.data is not None:
        fractions = config.validation_fraction, config.test_fraction
        listings = splits_of_folder(Path(config.data), *fractions, config.seed, config.group_by)
    else:
        folders = {"train": config.train, "validation": config.validation, "test": config.test}
        labels = _labels(config.labels)
        listings = {name: channel_samples(folder, labels) for name, folder in folders.items() if folder is not None}
    return {name: listings[name] for name in ("train", "validation", "test") if name in listings}


def _labels(folder: Path | None) -> dict[str, str] | None:
    """Return the class of each picture by its path, where it is not its folder's name."""
    if folder is None:
        return None
    try:
        labels: dict[str, str] = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DatasetError(f"labels.json cannot be read from {str(folder)!r}: {error}") from error
    return labels


def read_split(
    name: str,
    listing: Listing,
    class_names: list[str],
    preprocessing: Preprocessing,
    config: TrainingConfig,
    room: int,
    *,
    with_signatures: bool = False,
) -> tuple[Split, list[DataProblem]]:
    """Decode every image once, keeping the pixels if they fit in `room` bytes; what cannot be used is left out.

    Raises:
        DatasetError: nothing is left.
    """
    samples, problems = check_known_classes(name, listing.samples, class_names, is_given=config.classes is not None)
    cache = room_for(len(samples), preprocessing, room)

    def read(index: int) -> bytes | Signature | DataProblem:
        try:
            data = content_of(samples[index].path)
            pixels = decode_image(data, preprocessing)
        except (ImageError, OSError) as error:
            if shortage(error):  # too many open files are no fault of the picture
                raise
            return DataProblem(samples[index].relative_path, str(error))
        if cache is not None:
            cache[index] = pixels
        return signature_of(data, pixels.numpy()) if with_signatures else hashlib.sha256(data).digest()

    pool = ThreadPoolExecutor(max_workers=os.cpu_count())  # Pillow decodes outside the interpreter lock
    try:
        outcomes = list(pool.map(read, range(len(samples))))
    finally:
        pool.shutdown(cancel_futures=True)  # a job that is told to stop does not read the rest first
    split, unreadable = split_of(name, samples, outcomes, class_names, preprocessing, cache, config.workers)
    problems += unreadable
    require_some(name, problems, len(listing.samples))
    return split, problems


def room_for(count: int, preprocessing: Preprocessing, room: int) -> Tensor | None:
    """Return an empty tensor (count, 3, H, W) for pixels, or None where they do not fit in `room` bytes."""
    side = preprocessing.image_size
    return torch.empty((count, 3, side, side), dtype=torch.uint8) if count * 3 * side * side <= room else None


def split_of(
    name: str,
    samples: Sequence[Sample],
    outcomes: Sequence[bytes | Signature | DataProblem],
    class_names: list[str],
    preprocessing: Preprocessing,
    cache: Tensor | None,
    workers: int,
) -> tuple[Split, list[DataProblem]]:
    """Return the split of the samples that could be read, and the problems of the others."""
    unreadable = [outcome for outcome in outcomes if isinstance(outcome, DataProblem)]
    readable = [index for index, outcome in enumerate(outcomes) if not isinstance(outcome, DataProblem)]
    index_of = {class_name: index for index, class_name in enumerate(class_names)}
    kept = [samples[index] for index in readable]
    labels = torch.tensor([index_of[sample.class_name] for sample in kept], dtype=torch.int64)
    pixels = cache[readable] if unreadable and cache is not None else cache
    taken = [outcome for outcome in outcomes if not isinstance(outcome, DataProblem)]
    digests = [each if isinstance(each, bytes) else each.sha256 for each in taken]
    signatures = [each for each in taken if isinstance(each, Signature)]
    return Split(name, kept, labels, preprocessing, pixels, workers, digests, signatures), unreadable


def require_some(name: str, problems: Sequence[DataProblem], total: int) -> None:
    """Refuse a split of which nothing can be used.

    Raises:
        DatasetError: with the first problem.
    """
    if problems and len(problems) == total:
        raise DatasetError(
            f"{total} of {total} images of the {name} split cannot be used, {_first(problems)}; repair or remove them"
        )


def content_of(path: Path) -> bytes:
    """Return the bytes of a file.

    Raises:
        ImageError: it is none that ends.
    """
    if not path.is_file():  # a pipe or a device would never end
        raise ImageError("no regular file, or a link to nothing")
    return path.read_bytes()


def class_names_of(classes: Path | None, train: Sequence[Sample]) -> list[str]:
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


def _check_every_class_trains(train: Split, class_names: list[str]) -> None:
    counts = Counter(train.labels.tolist())
    missing = [name for index, name in enumerate(class_names) if not counts[index]]
    if missing:
        raise DatasetError(
            f"class {missing[0]!r} has no readable image in the train split; add some, or remove the class"
        )


def check_share(total: int, unusable: Sequence[DataProblem], limit: float, num_left_out: int = 0) -> None:
    """Refuse data of which more than a share cannot be used, counted over all splits and what was left out of them.

    Raises:
        DatasetError: with the number and the first of them.
    """
    count, total = len(unusable) + num_left_out, total + num_left_out
    if unusable and count > limit * total:
        by_size = f", {num_left_out} of them as empty or too large" if num_left_out else ""
        raise DatasetError(
            f"{count} of {total} images cannot be used (max_unreadable allows {limit:.0%}){by_size}, "
            f"{_first(unusable)}; repair or remove them, or allow more"
        )


def _first(problems: Sequence[DataProblem]) -> str:
    return f"the first {problems[0].path!r}: {problems[0].reason}"


# Reads one split: its name, listing, class names, preprocessing, settings, and the bytes that pixels may be kept in.
Reader = Callable[[str, Listing, list[str], Preprocessing, TrainingConfig, int], tuple[Split, list[DataProblem]]]
