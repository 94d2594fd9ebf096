"""The account's folders: for their owner alone, and of a bounded size."""

import os
import shutil
import stat
from collections.abc import Container, Iterator
from contextlib import suppress
from pathlib import Path

from embedded_account.account_error import AccountError

LOG_BYTES = 10 << 20  # a log that is longer is cut to its last half when the account starts, and each minute
PACKAGE_BYTES = 1 << 30  # of unpacked functions and layers that the next start may use again, the newest
# What an account's end leaves below work/: it only saves time, and is trimmed.
_CACHES = ("cache", "lambda/packages")
_RUNTIME = "lambda/runtime-"  # links to installed packages


def make_private(folder: Path) -> None:
    """Make `folder` one that only its owner can read, if it is missing or is ours.

    Raises:
        AccountError: it, or a file directly in it, is a link or belongs to somebody else.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _refuse_foreign(folder, "folder")
    folder.chmod(0o700)
    for path in folder.iterdir():
        _refuse_foreign(path, "file")


def _refuse_foreign(path: Path, kind: str) -> None:
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        raise AccountError(f"{kind} {str(path)!r}: is a link; name the real place")
    if status.st_uid != os.geteuid():
        raise AccountError(
            f"{kind} {str(path)!r}: belongs to user {status.st_uid}, and this is user {os.geteuid()}; "
            "give the account a folder of your own"
        )


def size_bytes(folder: Path) -> int:
    """Return how much the files in `folder` and below take; what vanishes meanwhile is not counted."""
    return sum(_sizes(folder))


def _sizes(folder: Path) -> Iterator[int]:
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                yield os.lstat(os.path.join(place, name)).st_size


def cut_log(path: Path, max_bytes: int = LOG_BYTES) -> None:
    """Drop the beginning of a log that has become longer than `max_bytes`; whoever appends to it goes on."""
    with suppress(FileNotFoundError), path.open("r+b") as file:
        if os.fstat(file.fileno()).st_size <= max_bytes:
            return
        file.seek(-max_bytes // 2, os.SEEK_END)
        file.readline()  # the rest of a line that is cut
        kept = file.read()
        file.seek(0)
        file.write(kept)
        file.truncate()


def clear_work(folder: Path) -> None:
    """Remove what an account that has ended worked with: jobs' folders, contents, models, sockets; trim its caches."""
    work = folder / "work"
    for cache in _CACHES:
        trim(work / cache, PACKAGE_BYTES)
    for path in [*work.glob("*"), *work.glob("lambda/*")]:
        name = path.relative_to(work).as_posix()
        if name not in {"lambda", *_CACHES} and not name.startswith(_RUNTIME):
            _remove(path)


def trim(folder: Path, max_bytes: int, spared: Container[Path] = ()) -> None:
    """Remove what was used least recently in `folder`, so that the rest takes no more than `max_bytes`.

    What is `spared` stays and counts.
    """
    total = 0
    paths = sorted(folder.iterdir() if folder.exists() else [], key=_used_at, reverse=True)
    for path in sorted(paths, key=lambda path: path not in spared):
        total += size_bytes(path) if path.is_dir() else path.lstat().st_size
        if total > max_bytes and path not in spared:
            _remove(path)


def _used_at(path: Path) -> float:
    return path.lstat().st_mtime


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
