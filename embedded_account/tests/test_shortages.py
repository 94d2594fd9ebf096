"""What is said of a machine that has run out of something."""

import errno
import os
import shutil
from pathlib import Path

import pytest
from embedded_account.shortages import shortage, shortage_in_words


def _raised(number: int, filename: str | None = None) -> OSError:
    return OSError(number, os.strerror(number), filename)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "No space left on device: '/data/x' ("),
        (errno.EDQUOT, "Disk quota exceeded: '/data/x'; free some of the quota"),
        (errno.EROFS, "Read-only file system: '/data/x'; make the disk writable"),
        (errno.EMFILE, "Too many open files: '/data/x'; raise the limit of open files (ulimit -n)"),
        (errno.ENFILE, "Too many open files in system: '/data/x'; raise the system's limit"),
    ],
)
def test_each_shortage_has_its_remedy(number: int, words: str, tmp_path: Path) -> None:
    """The sentence names what is lacking, where, and what to do."""
    assert shortage(_raised(number, "/data/x"), tmp_path).startswith(words)


def test_a_full_disk_is_told_with_what_is_free(tmp_path: Path) -> None:
    """Where the error names no file, the folder that was written to is named."""
    total = shutil.disk_usage(tmp_path).total / 1e6

    told = shortage(_raised(errno.ENOSPC), tmp_path)

    assert told.startswith(f"No space left on device: {str(tmp_path)!r} (")
    assert told.endswith(f" of {total:,.0f} MB are free); free some space on that disk and start again")


def test_a_shortage_is_found_behind_other_errors(tmp_path: Path) -> None:
    """A library that wraps the error does not hide it."""
    wrapped = RuntimeError("the archive could not be written")
    wrapped.__cause__ = ValueError("inner")
    wrapped.__cause__.__context__ = _raised(errno.ENOSPC)

    assert shortage(wrapped, tmp_path).startswith("No space left on device")


def test_other_errors_are_no_shortage(tmp_path: Path) -> None:
    """A missing file is not called a full disk."""
    assert shortage(FileNotFoundError(errno.ENOENT, "none"), tmp_path) == ""
    assert shortage_in_words("ValueError: class rose has 1 image", tmp_path) == ""


def test_a_shortage_is_read_from_last_words(tmp_path: Path) -> None:
    """What a script that nobody could ask has printed last tells it."""
    told = shortage_in_words("f.write(b'x') | OSError: [Errno 28] No space left on device", tmp_path)

    assert told.startswith("No space left on device")
