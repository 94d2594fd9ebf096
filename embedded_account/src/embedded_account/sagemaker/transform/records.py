"""How objects become requests, and answers become objects again."""

import gzip
import io
import zlib
from collections.abc import Iterable, Iterator

_MAX_UNPACKED_BYTES = 1 << 30


class RecordError(Exception):
    """An object cannot be made into requests; the message says why."""


def records(content: bytes, *, splits_lines: bool, is_gzip: bool = False) -> list[bytes]:
    """Return the records of one object: its lines with a split, and the whole of it without one.

    Raises:
        RecordError: the object is no gzip file.
    """
    if is_gzip:
        content = _unpacked(content)
    return [line for line in content.split(b"\n") if line.strip()] if splits_lines else [content]


def payloads(records: Iterable[bytes], *, is_multi_record: bool, max_bytes: int) -> Iterator[bytes]:
    """Yield the bodies of the requests about `records`: single ones or, of many, as many whole ones as fit.

    Line ends are kept between records of one request, and not at its end.

    Raises:
        RecordError: a record is larger than `max_bytes`.
    """
    checked = [_checked(record, max_bytes) for record in records]
    yield from _batches(checked, max_bytes) if is_multi_record else checked


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
