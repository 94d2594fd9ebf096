"""Bytes out of an archive, never more at once than a chunk, and what they are handed on as."""

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from datasets.budget import CHUNK_BYTES, Budget

_PACKED_BYTES = 32 * 1024
_GZIP = 31  # window bits that tell zlib to expect gzip's header and checksum


class BrokenError(Exception):
    """An archive contradicts itself or its format; the message is the reason alone."""


class Source(Protocol):
    """A binary file, or anything that reads like one; it may return less than was asked for."""

    def read(self, count: int, /) -> bytes | None: ...

    def seek(self, position: int, /) -> int: ...


@dataclass(frozen=True)
class Entry:
    """One member as its header states it; `chunks` yields exactly `size` bytes or raises BrokenError."""

    path: str
    size: int
    is_folder: bool
    is_regular: bool
    chunks: Callable[[], Iterator[bytes]]


class Forward:
    """Reads on in what `pieces` yields."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._piece = memoryview(b"")

    def chunk(self, most: int) -> bytes:
        """Return what is at hand, at most `most` bytes; b"" at the end alone."""
        while not self._piece:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._piece = memoryview(piece)
        taken, self._piece = self._piece[:most], self._piece[most:]
        return bytes(taken)

    def read(self, count: int) -> bytes:
        """Return `count` bytes, fewer at the end alone; it is for small counts, since all are held."""
        parts = [part := self.chunk(count)]
        while part and (count := count - len(part)):
            parts.append(part := self.chunk(count))
        return b"".join(parts)

    def chunks(self, count: int) -> Iterator[bytes]:
        """Yield `count` bytes piece by piece, fewer at the end alone."""
        while count and (part := self.chunk(min(count, CHUNK_BYTES))):
            count -= len(part)
            yield part


def plain(stream: Source) -> Iterator[bytes]:
    """Yield the bytes of `stream`."""
    while piece := stream.read(CHUNK_BYTES):
        yield piece


def gunzipped(stream: Source, budget: Budget) -> Iterator[bytes]:
    """Yield what a gzip file unpacks to; checksums are checked, and each of its parts counts as a member.

    Raises:
        BrokenError: it ends early.
        zlib.error: it is none, or damaged.
    """
    packed = stream.read(_PACKED_BYTES) or b""
    while packed:
        budget.add_member()
        inflater = zlib.decompressobj(_GZIP)
        while not inflater.eof:
            packed = packed or stream.read(_PACKED_BYTES) or b""
            is_end = not packed
            piece = inflater.decompress(packed, CHUNK_BYTES)
            packed = inflater.unconsumed_tail
            if piece:
                budget.add_bytes(len(piece))
                yield piece
            elif is_end and not inflater.eof:
                raise BrokenError("it ends early")
        packed = inflater.unused_data.lstrip(b"\0")
        while not packed and (more := stream.read(_PACKED_BYTES)):
            packed = more.lstrip(b"\0")


def read_at(stream: Source, position: int, count: int) -> bytes:
    """Return `count` bytes from `position` on.

    Raises:
        BrokenError: there are fewer.
    """
    stream.seek(position)
    parts: list[bytes] = []
    while count and (part := stream.read(count)):
        parts.append(part)
        count -= len(part)
    if count:
        raise BrokenError("it ends early")
    return b"".join(parts)
