"""What the machine has run out of - disk, quota, open files - in one sentence with the remedy."""

import errno
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

_MORE_DISK = "give the job a larger disk, free some space, or use fewer or smaller images"
REMEDIES = {
    errno.ENOSPC: _MORE_DISK,
    errno.EDQUOT: _MORE_DISK,
    errno.EROFS: "name a folder that can be written to",
    errno.EMFILE: "raise the limit of open files (ulimit -n) or lower workers",
    errno.ENFILE: "raise the system's limit of open files or lower workers",
}
_LEAST_BYTES = 1 << 16  # with less, a disk is full


def shortage(error: BaseException, folders: Iterable[Path] = ()) -> str:
    """Return the sentence about a shortage that `error`, or what led to it, tells of; "" where it tells of none.

    torch and OpenVINO word a failed write themselves, without its number: then a full disk below `folders` tells.
    """
    for cause in _causes(error):
        if isinstance(cause, OSError) and cause.errno in REMEDIES:
            where = f": {cause.filename!r}" if isinstance(cause.filename, str) else ""
            return f"{os.strerror(cause.errno)}{where}{_room(cause.errno, folders)}; {REMEDIES[cause.errno]}"
    if isinstance(error, OSError | RuntimeError) and _fullest(folders)[0] < _LEAST_BYTES:
        return f"{os.strerror(errno.ENOSPC)}{_room(errno.ENOSPC, folders)}; {_MORE_DISK}"
    return ""


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _room(number: int, folders: Iterable[Path]) -> str:
    free, folder = _fullest(folders)
    return f" ({free / 1e6:,.0f} MB are free in {str(folder)!r})" if number == errno.ENOSPC and folder else ""


def _fullest(folders: Iterable[Path]) -> tuple[float, Path | None]:
    """Return how many bytes are free where the fewest are, and the folder."""
    known: list[tuple[float, Path]] = []
    for folder in folders:
        with suppress(OSError):
            known.append((shutil.disk_usage(folder).free, folder))
    return min(known, default=(float("inf"), None))
