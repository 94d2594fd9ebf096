"""`deploy.py data fix`: carry out what a person ticked, on a folder or in the bucket; everything can be undone.

A picture that is dropped is moved aside, never deleted: on a disk into .set-aside/, which is no part of a dataset, in
the bucket to set-aside/. The journal, written before each move, is a CSV of moves; undone, they are made backwards.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from datasets.names import class_of, split_of
from datasets.paths import path_parts
from ops.errors import UploadError, sentence

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ACTIONS = ("drop", "relabel", "move")
ASIDE = ".set-aside"


@dataclass(frozen=True)
class Move:
    """One file that changes its place; both paths are relative to the dataset."""

    source: str
    target: str


@dataclass(frozen=True)
class Plan:
    """What a table leads to: moves, and the pictures that are passed over, since they are not what it is about."""

    moves: list[Move]
    gone: list[str]
    changed: list[str]  # since they were examined

    def remarks(self) -> list[str]:
        """Return what a person should know of those that are passed over."""
        kinds = {"not there (any more)": self.gone, "not the picture that was examined": self.changed}
        return [
            f"passed over, {why}: {len(paths)}, the first {paths[0]!r}; examine the dataset anew"
            for why, paths in kinds.items()
            if paths
        ]


class Place(Protocol):
    """Where a dataset lies."""

    @property
    def aside(self) -> str:
        """The folder that what is dropped goes to."""

    def exists(self, path: str) -> bool:
        """Tell whether there is a file."""

    def sha256(self, path: str) -> str:
        """Return the digest of a file that is there."""

    def move(self, source: str, target: str) -> None:
        """Give a file another path."""

    def take_back(self, copy: str, original: str) -> bool:
        """Take away a copy that a move left which was cut short; False where it is not that."""


@dataclass(frozen=True)
class Folder:
    """A dataset on this machine."""

    root: Path
    aside: str = ASIDE

    def exists(self, path: str) -> bool:
        return (self.root / path).is_file()

    def sha256(self, path: str) -> str:
        with (self.root / path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def move(self, source: str, target: str) -> None:
        (self.root / target).parent.mkdir(parents=True, exist_ok=True)
        (self.root / source).rename(self.root / target)

    def take_back(self, copy: str, original: str) -> bool:
        return False  # a disk renames a file at once or not at all


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

    def sha256(self, path: str) -> str:
        digest = hashlib.sha256()
        for chunk in self.s3.get_object(Bucket=self.name, Key=self._key(path))["Body"].iter_chunks(1 << 20):
            digest.update(chunk)
        return digest.hexdigest()

    def move(self, source: str, target: str) -> None:
        copied = {"Bucket": self.name, "Key": self._key(source)}
        self.s3.copy_object(Bucket=self.name, Key=self._key(target), CopySource=copied)  # type: ignore[arg-type]
        self.s3.delete_object(Bucket=self.name, Key=self._key(source))

    def take_back(self, copy: str, original: str) -> bool:
        if self.sha256(copy) != self.sha256(original):
            return False
        self.s3.delete_object(Bucket=self.name, Key=self._key(copy))
        return True

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


def planned(rows: Iterable[dict[str, str]], place: Place, now: datetime | None = None) -> Plan:
    """Return the moves that carry the rows out; a picture that is gone, or is another one by now, is passed over.

    Raises:
        UploadError: a class or split is not a usable name, or a class does not come from a folder.
    """
    stamp = f"{now or datetime.now(UTC):%Y%m%dT%H%M%S}"
    moves: dict[str, Move] = {}
    taken: set[str] = set()
    gone: list[str] = []
    changed: list[str] = []
    for row in rows:
        source = row["path"].strip()
        if source in moves:
            continue
        if not place.exists(source):
            gone.append(source)
            continue
        if (digest := (row.get("sha256") or "").strip()) and place.sha256(source) != digest:
            changed.append(source)
            continue
        wanted = _target(row, f"{place.aside}/{stamp}")
        if wanted != source:
            target = next(path for path in _free(wanted) if path not in taken and not place.exists(path))
            taken.add(target)
            moves[source] = Move(source, target)
    return Plan(list(moves.values()), gone, changed)


def carry_out(moves: Sequence[Move], place: Place, journal: Path) -> None:
    """Make the moves; each is in the journal before it is made.

    Raises:
        UploadError: one of them could not be made; the others after it were not tried.
    """
    journal.parent.mkdir(parents=True, exist_ok=True)
    with journal.open("a", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        for number, move in enumerate(moves):
            writer.writerow([move.source, move.target])
            file.flush()
            try:
                place.move(move.source, move.target)
            except (ClientError, BotoCoreError, OSError) as error:
                reason = str(error) if isinstance(error, OSError) else sentence(error)
                raise UploadError(
                    f"{move.source!r} could not be moved: {reason}. {number} of {len(moves)} were; move them back with"
                    f" `deploy.py data fix {journal} ... --undo`, or give the same table again to go on"
                ) from error


def undo(journal: Path, place: Place) -> list[Move]:
    """Make the journal's moves backwards, the last one first; return those that were made.

    What a move that was cut short has copied and not deleted yet is taken away again.

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
            if place.take_back(move.source, move.target):
                continue
            raise UploadError(f"{move.target!r} is there already; move it away, then undo again")
        place.move(move.source, move.target)
    return back


def _target(row: Mapping[str, str], aside: str) -> str:
    """Return where a file goes: aside, to another class's folder, or to the same class of another split."""
    source, action, value = (row["path"].strip(), row["action"].strip(), (row.get("value") or "").strip())
    parts = list(PurePosixPath(source).parts)
    if action == "drop":
        return f"{aside}/{source}"
    if path_parts(value) != [value]:
        raise UploadError(f"{action} {value!r} of {source!r}: no usable name of a folder; correct the CSV")
    of_class = _class_place(parts, row.get("class") or "")
    if action == "relabel":
        if of_class is None:
            raise UploadError(
                f"relabel {value!r} of {source!r}: its class {row['class']!r} is no folder of its path; correct the "
                "table that the classes come from"
            )
        parts[of_class] = value
        return "/".join(parts)
    places = [index for index, part in enumerate(parts[:-1]) if index != of_class and split_of(part)]
    if not places:
        raise UploadError(f"move {value!r} of {source!r}: there is no folder of a split in its path; drop it instead")
    parts[places[0]] = value
    return "/".join(parts)


def _class_place(parts: Sequence[str], class_name: str) -> int | None:
    """Return which part of a path is the class's folder: the one of its name, or the last where no class is named."""
    if not class_name:
        return len(parts) - 2 if len(parts) > 1 else None
    return next((index for index in range(len(parts) - 2, -1, -1) if class_of(parts[index]) == class_name), None)


def _free(path: str) -> Iterator[str]:
    yield path
    plain = PurePosixPath(path)
    number = 1
    while True:
        yield str(plain.with_name(f"{plain.stem}-{number}{plain.suffix}"))
        number += 1
