"""The record of a run's pictures: what each was when the run began. One JSON value a line, the folder first."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from datasets.errors import DatasetError

# json.dumps makes an encoder at each call whose options are not the defaults.
_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True)
class Picture:
    """One picture of a run."""

    path: str  # below the record's folder
    class_name: str
    split: str
    size: int
    etag: str  # of the object in S3
    sha256: str = ""  # known once the picture was read


def record_lines(folder: str, pictures: Iterable[Picture]) -> Iterator[str]:
    """Yield the lines of a record in S3's order, so that it can be held to a listing line by line."""
    return ordered_lines(folder, sorted(pictures, key=lambda picture: picture.path.encode()))


def ordered_lines(folder: str, pictures: Iterable[Picture]) -> Iterator[str]:
    """Yield the lines of a record whose pictures come in S3's order."""
    yield json.dumps({"folder": folder}, ensure_ascii=False)
    for one in pictures:
        yield _json([one.path, one.class_name, one.split, one.size, one.etag, *([one.sha256] if one.sha256 else [])])


def read_record(lines: Iterable[str]) -> tuple[str, Iterator[Picture]]:
    """Return the folder of a record, and its pictures as they are read.

    Raises:
        DatasetError: it is no such record; of a later line, when that is come to.
    """
    remaining = iter(lines)
    try:
        folder = str(json.loads(next(remaining))["folder"])
    except (StopIteration, ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"a record of pictures begins with its folder, not with {error}; fetch it again") from error
    return folder, map(_picture, remaining)


def _picture(line: str) -> Picture:
    try:
        path, class_name, split, size, etag, *rest = json.loads(line)
        return Picture(str(path), str(class_name), str(split), int(size), str(etag), *map(str, rest))
    except (ValueError, TypeError) as error:
        raise DatasetError(f"a record of pictures has the line {line[:80]!r}: {error}; fetch it again") from error
