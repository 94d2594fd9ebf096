"""The members of a zip or tar, one after the other, without trusting a single field of it.

Nothing is extracted: each member is handed on as bytes, with a path that stays below whatever folder it is put in. The
two formats are read here and not by `zipfile` and `tarfile`, which believe the sizes that an archive states and hold
all of a member, of its headers or of the directory before anybody may refuse it.
"""

import io
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from datasets import tars, zips
from datasets.budget import OF_DATASET, Budget, Limits
from datasets.errors import ArchiveError, DatasetError
from datasets.paths import shown
from datasets.streams import BrokenError, Entry, Forward, Source, gunzipped, plain

__all__ = ["ARCHIVE_SUFFIXES", "Archive", "Limits", "Member", "is_archive", "members"]

_USUAL_DEPTH = 4
ARCHIVE_SUFFIXES = (".zip", ".tar.gz", ".tgz")


@dataclass(frozen=True)
class Archive:
    """Where an archive's bytes come from."""

    stream: Source  # it stays open
    name: str  # its suffix says what it is, and it is named in every message
    size: int  # bytes


@dataclass(frozen=True)
class Member:
    """A regular file in an archive; `read` works until the next member is taken."""

    path: str
    size: int
    read: Callable[[], bytes]
    check: Callable[[], None] = lambda: None  # reads it to its end, holding nothing


def is_archive(key: str) -> bool:
    """Tell whether an object is an archive by its name."""
    return key.lower().endswith(ARCHIVE_SUFFIXES)


def members(
    archive: Archive, limits: Limits | None = None, *, skip_others: bool = False, folders: list[str] | None = None
) -> Iterator[Member]:
    """Yield the regular files of `archive`; with `skip_others` links and devices are passed over.

    Folders are added to `folders`, with "/" at their end.

    Raises:
        ArchiveError: the archive is truncated, none at all, larger than `limits`, or packed in another way than a plain
            zip or tar.gz; it holds a path that points outside, or, without `skip_others`, no file or other things.
    """
    if archive.size == 0:
        raise ArchiveError(
            f"archive {archive.name!r} cannot be read: it has 0 bytes; upload it again", "it has 0 bytes"
        )
    budget = Budget(archive.name, archive.size, limits or OF_DATASET)
    is_empty = True
    with _worded(archive.name):
        for entry in _entries(archive, budget):
            if entry.is_regular and not entry.is_folder:
                is_empty = False
                if not entry.path:
                    raise BrokenError("a member has no name")
                budget.add_member(max(0, entry.path.count("/") - _USUAL_DEPTH))  # each folder is one to make
                yield Member(entry.path, entry.size, partial(_read, entry, budget), partial(_check, entry, budget))
            elif entry.is_folder and folders is not None and entry.path:
                folders.append(f"{entry.path}/")
            elif not entry.is_folder and not skip_others:
                raise ArchiveError(
                    f"archive {archive.name!r}: member {shown(entry.path)} is no regular file; archives may hold files "
                    "and folders only"
                )
    if is_empty and not skip_others:
        raise ArchiveError(f"archive {archive.name!r} holds no file; expected folders named after classes with images")


def _entries(archive: Archive, budget: Budget) -> Iterator[Entry]:
    archive.stream.seek(0)
    name = archive.name.lower()
    if name.endswith(".zip"):
        return zips.entries(archive.stream, budget)
    pieces = plain(archive.stream) if name.endswith(".tar") else gunzipped(archive.stream, budget)
    return tars.entries(Forward(pieces), budget)


def _read(entry: Entry, budget: Budget) -> bytes:
    """Return all of a member, which must be small enough to be held."""
    if entry.size > budget.limits.member_bytes:
        raise ArchiveError(
            f"archive {budget.name!r}: member {shown(entry.path)} has {entry.size} bytes; at most "
            f"{budget.limits.member_bytes} are read"
        )
    content = io.BytesIO()
    with _worded(budget.name):
        for piece in entry.chunks():
            content.write(piece)
    return content.getvalue()


def _check(entry: Entry, budget: Budget) -> None:
    with _worded(budget.name):
        for _ in entry.chunks():
            pass


@contextmanager
def _worded(name: str) -> Iterator[None]:
    """Turn what the readers raise, here or while a member is read, into one sentence."""
    try:
        yield
    except (BrokenError, zlib.error) as error:
        reason = str(error).replace("Error -3 while decompressing data", "damaged data")
        raise ArchiveError(f"archive {name!r} cannot be read: {reason}; pack and upload it again", reason) from error
    except ArchiveError:
        raise
    except DatasetError as error:  # of a path
        raise ArchiveError(f"archive {name!r}: {error}", str(error)) from error
