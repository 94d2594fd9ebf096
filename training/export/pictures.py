"""The record of the pictures that a job was given: their SHA-256, and the split and class that each had in the end."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from datasets.pictures import Picture, record_lines
from training.data.splits import Datasets

PICTURES_FILE = "pictures.jsonl"
LEFT_OUT = "left out"  # the split of what was read, and trained and judged on nowhere


def write_pictures(datasets: Datasets, folder: Path, read: Iterable[Picture] = ()) -> None:
    """Write the record to `folder`; what was `read` and is in no split any more is in it too."""
    pictures = list(pictures_of(datasets))
    used = {(one.path, one.sha256) for one in pictures}
    pictures += [replace(one, split=LEFT_OUT) for one in read if (one.path, one.sha256) not in used]
    content = "".join(f"{line}\n" for line in record_lines("", pictures))
    (folder / PICTURES_FILE).write_text(content, encoding="utf-8", errors="replace")  # a file name need not be text


def pictures_of(datasets: Datasets) -> Iterator[Picture]:
    """Yield every picture; the size of one whose features alone are here is not known, and 0."""
    for split in filter(None, (datasets.train, datasets.validation, datasets.test)):
        for sample, digest in zip(split.samples, split.digests, strict=True):
            size = sample.path.stat().st_size if sample.path.is_file() else 0
            yield Picture(sample.relative_path, sample.class_name, split.name, size, "", digest.hex())
