"""Contents of objects on disk."""

import errno
from collections.abc import Iterator
from pathlib import Path

import pytest
from embedded_account.s3.disk import Disk


def test_half_a_content_takes_no_room(tmp_path: Path) -> None:
    """What was written of an object before the disk was full is removed."""

    def blocks() -> Iterator[bytes]:
        yield b"x" * 1000
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        Disk(tmp_path, keeps=True).store(blocks())

    assert list(tmp_path.iterdir()) == []
