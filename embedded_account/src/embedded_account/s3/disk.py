"""Contents of objects on disk: a large object costs the account's memory no more than a block."""

import hashlib
import uuid
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import IO, Any

BLOCK_BYTES = 1 << 18  # each connection has a thread, and each thread keeps what it has held at most
LARGE_BYTES = 1 << 20  # from here on, a content is kept on disk


@dataclass(frozen=True)
class StoredFile:
    """A content that lies on disk already; what it is given to owns the file."""

    path: Path
    size: int
    md5: str
    crc32: int

    def __len__(self) -> int:
        """Return the size, as that of bytes."""
        return self.size


class DiskBuffer:
    """A content in a file of its own, which is opened for each reading only; not thread-safe, as files are not."""

    def __init__(self, disk: "Disk", path: Path, *, owns: bool = True) -> None:
        self._disk = disk
        self._path = path
        self._owns = owns
        self._position = 0

    def __deepcopy__(self, memo: Any) -> "DiskBuffer":
        """Return a buffer of the same file, which the original goes on to own."""
        return DiskBuffer(self._disk, self._path, owns=False)

    def seek(self, position: int) -> int:
        """Go to `position`."""
        self._position = position
        return position

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes from the position on, by default all."""
        with self._path.open("rb") as file:
            file.seek(self._position)
            content = file.read(size)
        self._position += len(content)
        return content

    def blocks(self, begin: int, size: int) -> Iterator[bytes]:
        """Yield `size` bytes from `begin` on, a block at a time; independent of the position, and so thread-safe."""
        with self._path.open("rb") as file:
            file.seek(begin)
            while size > 0 and (block := file.read(min(BLOCK_BYTES, size))):
                size -= len(block)
                yield block

    def close(self) -> None:
        """Remove the content, unless another buffer owns it."""
        if self._owns:
            self._disk.discard(self._path)

    def exists(self) -> bool:
        """Return whether the content is still there."""
        return self._path.exists()


class Disk:
    """The folder of contents. With `keeps`, every content is kept there, and removed ones stay until `sweep`."""

    def __init__(self, folder: Path, *, keeps: bool) -> None:
        self.keeps = keeps
        self._folder = folder
        self._lock = Lock()
        self._doomed: list[Path] = []

    def takes(self, content: bytes | StoredFile) -> bool:
        """Return whether `content` belongs on disk; what lies there stays, such as a small one that came in parts."""
        return self.keeps or isinstance(content, StoredFile) or len(content) >= LARGE_BYTES

    def buffer(self, content: bytes | StoredFile) -> DiskBuffer:
        """Return a buffer of `content`, which is written unless it lies on disk already."""
        if isinstance(content, StoredFile):
            return DiskBuffer(self, content.path)
        return DiskBuffer(self, self.store(iter([content])).path)

    def store(self, blocks: Iterator[bytes]) -> StoredFile:
        """Write `blocks` to a file, or nothing; return it with its size and checksums."""
        path, size, md5, crc32 = self._new_path(), 0, hashlib.md5(usedforsecurity=False), 0
        try:
            with path.open("wb") as file:
                for block in blocks:
                    file.write(block)
                    size += len(block)
                    md5.update(block)
                    crc32 = zlib.crc32(block, crc32)
        except BaseException:  # half a content would take the room that is lacking
            path.unlink(missing_ok=True)
            raise
        return StoredFile(path, size, md5.hexdigest(), crc32)

    def discard(self, path: Path) -> None:
        """Remove a file, at once or with the next sweep."""
        if not self.keeps:
            path.unlink(missing_ok=True)
            return
        with self._lock:
            self._doomed.append(path)

    def doomed(self) -> list[Path]:
        """Return, and forget, the files that no object needs any more."""
        with self._lock:
            doomed, self._doomed = self._doomed, []
        return doomed

    def _new_path(self) -> Path:
        return self._folder / uuid.uuid4().hex


def blocks_of(stream: IO[bytes], size: int) -> Iterator[bytes]:
    """Yield the `size` bytes that `stream` still has."""
    while size > 0 and (block := stream.read(min(BLOCK_BYTES, size))):
        size -= len(block)
        yield block


def blocks_of_key(key: Any, begin: int = 0, size: int | None = None) -> Iterator[bytes]:
    """Yield the content of moto's object `key`, or a part of it, a block at a time where it lies on disk."""
    size = key.size - begin if size is None else size
    if isinstance(key._value_buffer, DiskBuffer):
        yield from key._value_buffer.blocks(begin, size)
    else:
        content: bytes = key.value
        yield content[begin : begin + size]
