"""Unpack an archive into a folder, file by file, going on where an earlier try stopped.

A function does so, and where that takes long a job: what lies in the folder afterwards is the same.
"""

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from datasets.archives import Archive, Limits, Member, members
from datasets.errors import ArchiveError
from datasets.fingerprint import MARKER
from datasets.labels import is_table
from datasets.paths import file_problem

# The bucket's lifecycle deletes staged copies after 30 days; a run takes at most four.
_REUSABLE = timedelta(days=26)
MAX_MARKER_BYTES = 64 * 1024**2


@dataclass(frozen=True)
class Staged:
    """A file of a folder."""

    path: str
    size: int
    modified_at: datetime

    @property
    def is_old(self) -> bool:
        """Tell whether the lifecycle may delete it under a run."""
        return datetime.now(UTC) - self.modified_at > _REUSABLE


class Folder(Protocol):
    """Where an archive's files are put, by their paths; several threads put at a time."""

    def files(self) -> Iterable[Staged]: ...

    def put(self, path: str, content: bytes) -> None: ...


Put = Callable[[str, bytes], None]


def unpack(
    archive: Archive,
    folder: Folder,
    num_threads: int,
    *,
    limits: Limits | None = None,
    has_time: Callable[[], bool] = lambda: True,
) -> bool:
    """Put the archive's images and tables of labels that are not there yet; False if the time was up before the end.

    Each of `num_threads` holds one image of at most limits.MAX_IMAGE_BYTES. A marker, written last, says how many files
    there are, and what was set aside. Of several members of one name the last counts.

    Raises:
        ArchiveError: the archive cannot be trusted, or sets more aside than can be noted.
    """
    there = {one.path: one.size for one in folder.files() if not one.is_old}
    folders: list[str] = []
    set_aside: list[tuple[str, str]] = []
    with _putting(folder, num_threads) as put:
        for member in members(archive, limits, folders=folders):
            if not has_time():
                return False
            if problem := _problem(member):
                set_aside.append((member.path, problem))
            elif there.pop(member.path, None) != member.size:
                put(member.path, member.read())
    set_aside += [(path, "a folder") for path in folders]  # an empty one may be a class
    folder.put(MARKER, _marker(archive.name, folder, set_aside))
    return True


def num_files(folder: Folder) -> int:
    """Return how many files lie in a folder beside the marker."""
    return sum(1 for one in folder.files() if one.path != MARKER)


def _problem(member: Member) -> str:
    return "" if is_table(member.path, member.size) else file_problem(member.path, member.size)


def _marker(name: str, folder: Folder, set_aside: list[tuple[str, str]]) -> bytes:
    content = {"num_files": num_files(folder), "set_aside": set_aside}
    marker = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    if len(marker) > MAX_MARKER_BYTES:
        raise ArchiveError(
            f"archive {name!r} holds {len(set_aside):,} files that are no pictures, which is more than is noted; pack "
            "the pictures alone"
        )
    return marker


@contextmanager
def _putting(folder: Folder, num_threads: int) -> Iterator[Put]:
    """Give what puts a file by the next free thread, and wait for all; the first failure of any is raised."""
    free = threading.BoundedSemaphore(num_threads)
    failures: list[BaseException] = []

    def finished(future: Future[None]) -> None:
        free.release()
        if error := future.exception():
            failures.append(error)

    def put(path: str, content: bytes) -> None:
        free.acquire()
        if failures:
            raise failures[0]
        pool.submit(folder.put, path, content).add_done_callback(finished)

    with ThreadPoolExecutor(num_threads) as pool:
        yield put
    if failures:
        raise failures[0]
