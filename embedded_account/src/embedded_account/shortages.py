"""What this machine has run out of - disk, quota, files - in one sentence that names it and what to do."""

import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

_REMEDIES = {
    errno.ENOSPC: "free some space on that disk and start again",
    errno.EDQUOT: "free some of the quota and start again",
    errno.EROFS: "make the disk writable and start again",
    errno.EMFILE: "raise the limit of open files (ulimit -n) and start again",
    errno.ENFILE: "raise the system's limit of open files and start again",
}
_LEAST_BYTES = 1 << 16  # with less, a disk is full: not even a log can be written


def shortage(error: BaseException, folder: Path) -> str:
    """Return the sentence about a shortage that `error`, or what led to it, tells of; "" where it tells of none.

    `folder` is where the account writes, for the case that the error does not say where.
    """
    for cause in _causes(error):
        if isinstance(cause, OSError) and cause.errno in _REMEDIES:
            where = cause.filename if isinstance(cause.filename, str) else str(folder)
            return _sentence(cause.errno, where, folder)
    return ""


def shortage_in_words(words: str, folder: Path) -> str:
    """Return the sentence about a shortage that a program's last `words`, or the disk itself, tell of."""
    for number in _REMEDIES:
        if os.strerror(number) in words:
            return _sentence(number, str(folder), folder)
    return _sentence(errno.ENOSPC, str(folder), folder) if shutil.disk_usage(folder).free < _LEAST_BYTES else ""


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _sentence(number: int, where: str, folder: Path) -> str:
    size = shutil.disk_usage(folder)
    free = f" ({size.free / 1e6:,.0f} of {size.total / 1e6:,.0f} MB are free)" if number == errno.ENOSPC else ""
    return f"{os.strerror(number)}: {where!r}{free}; {_REMEDIES[number]}"
