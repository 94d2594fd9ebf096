"""`deploy.py data fix`: carry out what a person ticked, on a folder or in the bucket; everything can be undone.

A picture that is dropped is moved aside, never deleted: on a disk into .set-aside/, which is no part of a dataset, in
the bucket to set-aside/. The journal, written before each move, is a CSV of moves; undone, they are made backwards.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Protocol

from botocore.exceptions import ClientError

from datasets.names import split_of
from datasets.paths import path_parts
from ops.errors import UploadError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ACTIONS = ("drop", "relabel", "move")
ASIDE = ".set-aside"


@dataclass(frozen=True)
class Move:
    """One file that changes its place; both paths are relative to the dataset."""

    source: str
    target: str


class Place(Protocol):
    """Where a dataset lies."""

    @property
    def aside(self) -> str:
        """The folder that what is dropped goes to."""

    def exists(self, path: str) -> bool:
        """Tell whether there is a file."""

    def move(self, source: str, target: str) -> None:
        """Give a file another path."""


@dataclass(frozen=True)
class Folder:
    """A dataset on this machine."""

    root: Path
    aside: str = ASIDE

    def exists(self, path: str) -> bool:
        return (self.root / path).is_file()

    def move(self, source: str, target: str) -> None:
        (self.root / target).parent.mkdir(parents=True, exist_ok=True)
        (self.root / source).rename(self.root / target)


@dataclass(frozen=True)
class Bucket:
    """A dataset in the data bucket; what is dropped lies beside datasets/, where it starts nothing."""

    s3: S3Client
    name: str
    dataset: str
    aside: str = ASIDE

    def exists(self, path: str) -> bool:
        try:
            self.s3.head_object(Bucket=self.name, Key=self._key(path))
        except ClientError as error:
            if error.response["Error"]["Code"] in {"404", "NoSuchKey"}:
                return False
            raise
        return True

    def move(self, source: str, target: str) -> None:
        copied = {"Bucket": self.name, "Key": self._key(source)}
        self.s3.copy_object(Bucket=self.name, Key=self._key(target), CopySource=copied)  # type: ignore[arg-type]
        self.s3.delete_object(Bucket=self.name, Key=self._key(source))

    def _key(self, path: str) -> str:
        if path.startswith(f"{self.aside}/"):
            return f"set-aside/{self.dataset}/{path.removeprefix(f'{self.aside}/')}"
        return f"datasets/{self.dataset}/{path}"


def read_actions(table: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV that say what to do.

    Raises:
        UploadError: it cannot be read, or an action is not known.
    """
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            rows = [row for row in csv.DictReader(file) if (row.get("action") or "").strip()]
    except (OSError, ValueError, csv.Error) as error:
        raise UploadError(f"{str(table)!r} cannot be read: {error}; give the CSV of `deploy.py data check`") from error
    for row in rows:
        action, value = row["action"].strip(), (row.get("value") or "").strip()
        if action not in ACTIONS or (action != "drop" and not value) or not path_parts(row.get("path") or ""):
            raise UploadError(
                f"action {action!r} with value {value!r} of {row.get('path')!r} is not known; use drop, relabel CLASS"
                " or move SPLIT"
            )
    return rows


def planned(rows: Iterable[dict[str, str]], place: Place, now: datetime | None = None) -> list[Move]:
    """Return the moves that carry the rows out; a picture that is gone already is passed over.

    Raises:
        UploadError: a class or split is not a usable name.
    """
    stamp = f"{now or datetime.now(UTC):%Y%m%dT%H%M%S}"
    moves: dict[str, Move] = {}
    taken: set[str] = set()
    for row in rows:
        source = row["path"].strip()
        if source in moves or not place.exists(source):
            continue
        wanted = _target(source, row["action"].strip(), (row.get("value") or "").strip(), f"{place.aside}/{stamp}")
        if wanted != source:
            target = next(path for path in _free(wanted) if path not in taken and not place.exists(path))
            taken.add(target)
            moves[source] = Move(source, target)
    return list(moves.values())


def carry_out(moves: Sequence[Move], place: Place, journal: Path) -> None:
    """Make the moves; each is in the journal before it is made."""
    journal.parent.mkdir(parents=True, exist_ok=True)
    with journal.open("a", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        for move in moves:
            writer.writerow([move.source, move.target])
            file.flush()
            place.move(move.source, move.target)


def undo(journal: Path, place: Place) -> list[Move]:
    """Make the journal's moves backwards, the last one first; return those that were made.

    Raises:
        UploadError: the journal cannot be read, or a place that a picture came from is taken.
    """
    try:
        with journal.open(encoding="utf-8", newline="") as file:
            moves = [Move(target, source) for source, target in csv.reader(file)]
    except (OSError, ValueError) as error:
        raise UploadError(f"journal {str(journal)!r} cannot be read: {error}") from error
    back = [move for move in reversed(moves) if place.exists(move.source)]
    for move in back:
        if place.exists(move.target):
            raise UploadError(f"{move.target!r} is there already; move it away, then undo again")
        place.move(move.source, move.target)
    return back


def _target(source: str, action: str, value: str, aside: str) -> str:
    """Return where a file goes: aside, to another class's folder, or to the same class of another split."""
    path = PurePosixPath(source)
    if action == "drop":
        return f"{aside}/{source}"
    if path_parts(value) != [value]:
        raise UploadError(f"{action} {value!r} of {source!r}: no usable name of a folder; correct the CSV")
    if action == "relabel":
        return str(path.parent.parent / value / path.name)
    parts = list(path.parts)
    place = next((index for index, part in enumerate(parts[:-2]) if split_of(part)), None)
    if place is None:
        raise UploadError(f"move {value!r} of {source!r}: there is no folder of a split in its path; drop it instead")
    parts[place] = value
    return "/".join(parts)


def _free(path: str) -> Iterator[str]:
    yield path
    plain = PurePosixPath(path)
    number = 1
    while True:
        yield str(plain.with_name(f"{plain.stem}-{number}{plain.suffix}"))
        number += 1
