"""A file that lies elsewhere and is read through ranges of it, as an object in S3 is."""

import errno
import io
from abc import abstractmethod
from collections import OrderedDict
from typing import Any

BLOCK_BYTES = 8 * 1024 * 1024
_CACHED_BLOCKS = 3


class RangedFile(io.RawIOBase):
    """A read-only file of `size` bytes: blocks are fetched as they are needed and few are kept."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self._position = 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()

    @abstractmethod
    def fetch(self, first: int, last: int) -> bytes:
        """Return the bytes from `first` to `last`, both included."""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        if origin + offset < 0:
            raise OSError(errno.EINVAL, f"seek to {origin + offset}; the first byte is 0")
        self._position = origin + offset
        return self._position

    def readinto(self, buffer: Any) -> int:
        if self._position >= self.size:
            return 0
        index, start = divmod(self._position, BLOCK_BYTES)
        part = self._block(index)[start : start + len(buffer)]
        buffer[: len(part)] = part
        self._position += len(part)
        return len(part)

    def _block(self, index: int) -> bytes:
        if index not in self._blocks:
            first = index * BLOCK_BYTES
            self._blocks[index] = self.fetch(first, min(first + BLOCK_BYTES, self.size) - 1)
            if len(self._blocks) > _CACHED_BLOCKS:
                self._blocks.popitem(last=False)
        self._blocks.move_to_end(index)
        return self._blocks[index]
