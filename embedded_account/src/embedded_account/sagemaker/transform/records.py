"""How objects become requests, and answers become objects again."""

import gzip
import io
import zlib
from collections.abc import Iterable, Iterator

_MAX_UNPACKED_BYTES = 1 << 30


class RecordError(Exception):
    """An object cannot be made into requests; the message says why."""


def payloads(
    content: bytes, *, splits_lines: bool, is_multi_record: bool, max_bytes: int, is_gzip: bool = False
) -> Iterator[bytes]:
    """Yield the bodies of the requests about one object.

    Without a split it is the whole object; with one, single lines or, of many records, as many whole lines as fit
    into `max_bytes`. Line ends are kept between lines of one request, and not at its end.

    Raises:
        RecordError: a record is larger than `max_bytes`, or the object is no gzip file.
    """
    if is_gzip:
        content = _unpacked(content)
    if not splits_lines:
        yield _checked(content, max_bytes)
        return
    lines = [_checked(line, max_bytes) for line in content.split(b"\n") if line.strip()]
    if is_multi_record:
        yield from _batches(lines, max_bytes)
    else:
        yield from lines


def _batches(lines: Iterable[bytes], max_bytes: int) -> Iterator[bytes]:
    batch: list[bytes] = []
    size = 0
    for line in lines:
        if batch and size + len(line) > max_bytes:
            yield b"\n".join(batch)
            batch, size = [], 0
        batch.append(line)
        size += len(line) + 1  # and the line end after it
    if batch:
        yield b"\n".join(batch)


def assembled(answers: Iterable[bytes], *, lines: bool) -> bytes:
    """Return the answers as one object, in their order; with `lines`, each on a line of its own."""
    if not lines:
        return b"".join(answers)
    return b"".join(answer if answer.endswith(b"\n") else answer + b"\n" for answer in answers)


def _checked(record: bytes, max_bytes: int) -> bytes:
    if len(record) > max_bytes:
        raise RecordError(f"Too much data for max payload size: {len(record)} bytes of {max_bytes}")
    return record


def _unpacked(content: bytes) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            unpacked = file.read(_MAX_UNPACKED_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise RecordError(f"the object is no gzip file: {error}") from error
    return _checked(unpacked, _MAX_UNPACKED_BYTES)
