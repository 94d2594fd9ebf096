"""The members of a tar: headers of 512 bytes, each followed by the member's bytes.

Source: POSIX.1-2017, pax, ustar and pax interchange formats; GNU tar manual, "Basic Tar Format".
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from datasets.budget import Budget
from datasets.errors import ArchiveError
from datasets.paths import safe_path, shown
from datasets.streams import BrokenError, Entry, Forward

_BLOCK = 512
_MAX_HEADER_BYTES = 1024 * 1024  # of one long name, or of one header of records
_MAX_RECORDS = 256  # in one such header; they are extended attributes for the most part
_RECORDS_A_MEMBER = 8  # so many cost as much time as a member does
_MAX_HEADERS = 8  # in a row before their member
_CHECKSUM = slice(148, 156)
_REGULAR = (b"0", b"\0", b"7")
_FOLDER = b"5"
_WITHOUT_BYTES = (b"1", b"2", b"3", b"4", b"5", b"6")  # links, devices, folders, pipes
_LONG_NAME, _LONG_LINK = b"L", b"K"
_OWN_RECORDS, _ALL_RECORDS = (b"x", b"X"), b"g"
_SPARSE = b"S"
_OCTAL = re.compile(rb"[0-7]{1,12}")
_DECIMAL = re.compile(rb"[0-9]{1,19}")


@dataclass
class _Header:
    """One header with what the headers before it say of the same member."""

    name: bytes = b""
    size: int = 0
    kind: bytes = b"0"
    records: dict[bytes, bytes] = field(default_factory=dict)


def entries(stream: Forward, budget: Budget) -> Iterator[Entry]:
    """Yield every member; what of it is not read is passed over, after its size was held against the budget.

    Raises:
        ArchiveError: it holds more than the budget allows, a sparse member, or a path that leads outside.
        BrokenError: it is damaged, ends early, or is no tar.
    """
    while header := _next_header(stream, budget):
        path = _path(header, budget)
        size = 0 if header.kind in _WITHOUT_BYTES else header.size
        budget.check_room(size)
        body = _Body(stream, path, size)
        is_folder = header.kind == _FOLDER or (header.kind in _REGULAR and header.name.endswith(b"/"))
        yield Entry(path, size, is_folder, header.kind in _REGULAR, body.chunks)
        body.pass_over()
    # What follows must be sound too: gzip's checksum is at the very end, and a second archive would be lost.
    while piece := stream.chunk(_MAX_HEADER_BYTES):
        if piece.strip(b"\0"):
            raise BrokenError("more follows after its end")


class _Body:
    """The bytes of one member and what fills its last block."""

    def __init__(self, stream: Forward, path: str, size: int) -> None:
        self._stream, self._path, self._size = stream, path, size
        self._left, self._filling = size, -size % _BLOCK

    def chunks(self) -> Iterator[bytes]:
        for piece in self._stream.chunks(self._left):
            self._left -= len(piece)
            yield piece
        if self._left:
            raise BrokenError(f"member {shown(self._path)} ends after {self._size - self._left} of {self._size} bytes")

    def pass_over(self) -> None:
        for _ in self.chunks():
            pass
        self._stream.read(self._filling)


def _next_header(stream: Forward, budget: Budget) -> _Header | None:
    """Return the next member's header, or None at the archive's end."""
    before = _Header()
    for _ in range(_MAX_HEADERS):
        block = stream.read(_BLOCK)
        if len(block) < _BLOCK:
            raise BrokenError("it ends early")
        if not block.strip(b"\0"):
            return None
        budget.add_member()
        header = _parse(block)
        if header.kind in (_LONG_NAME, _LONG_LINK):
            content = _content(stream, header)
            before.name = content.split(b"\0", 1)[0] if header.kind == _LONG_NAME else before.name
        elif header.kind in _OWN_RECORDS:
            before.records |= _records(_content(stream, header), budget)
        elif header.kind == _ALL_RECORDS:
            _check_general(_records(_content(stream, header), budget))
        else:
            return _completed(header, before)
    raise BrokenError(f"more than {_MAX_HEADERS} headers in a row")


def _parse(block: bytes) -> _Header:
    """Return what one block states.

    Raises:
        BrokenError: its checksum is wrong or a number in it is none.
    """
    total = sum(block[: _CHECKSUM.start]) + sum(block[_CHECKSUM.stop :]) + 8 * ord(" ")
    if _number(block[_CHECKSUM]) != total:
        raise BrokenError("damaged header: its checksum is wrong")
    name = block[:100].split(b"\0", 1)[0]
    prefix = block[345:500].split(b"\0", 1)[0]
    if prefix and block[257:263] == b"ustar\0":
        name = prefix + b"/" + name
    return _Header(name, _number(block[124:136]), block[156:157])


def _number(text: bytes) -> int:
    """Return a number as tar writes it: octal digits, or bytes (base 256) where the first bit is set."""
    if text[0] & 0x80:
        if text[0] & 0x40:
            raise BrokenError("damaged header: a size is negative")
        return int.from_bytes(bytes([text[0] & 0x7F]) + text[1:], "big")
    digits = text.split(b"\0", 1)[0].strip(b" ")
    if digits and not _OCTAL.fullmatch(digits):
        raise BrokenError(f"damaged header: {digits!r} is no number")
    return int(digits or b"0", 8)


def _content(stream: Forward, header: _Header) -> bytes:
    """Return the bytes of a header that is a long name or records."""
    if header.size > _MAX_HEADER_BYTES:
        raise BrokenError(f"it has a header of {header.size} bytes, and at most {_MAX_HEADER_BYTES} are read")
    content = stream.read(header.size)
    if len(content) < header.size:
        raise BrokenError("it ends early")
    stream.read(-header.size % _BLOCK)
    return content


def _records(content: bytes, budget: Budget) -> dict[bytes, bytes]:
    """Return pax records, which read "LENGTH KEY=VALUE" and a line's end, LENGTH being that of all of it."""
    records: dict[bytes, bytes] = {}
    at = count = 0
    while at < len(content):
        digits, _, _ = content[at : at + 20].partition(b" ")
        end = at + int(digits) if _DECIMAL.fullmatch(digits) else at
        record = content[at + len(digits) + 1 : end]
        key, equals, value = record.removesuffix(b"\n").partition(b"=")
        count += 1
        if count % _RECORDS_A_MEMBER == 0:
            budget.add_member()
        if not equals or not record.endswith(b"\n") or end > len(content) or count > _MAX_RECORDS:
            raise BrokenError("damaged header: its records are none, or too many")
        records[key] = value
        at = end
    return records


def _check_general(records: dict[bytes, bytes]) -> None:
    """Refuse what no header may say of all members that follow."""
    if b"path" in records or b"size" in records or _is_sparse(records):
        raise BrokenError("damaged header: it gives all members one path or size")


def _is_sparse(records: dict[bytes, bytes]) -> bool:
    return any(key.startswith(b"GNU.sparse.") for key in records)


def _completed(header: _Header, before: _Header) -> _Header:
    """Return a member's header with what the ones before it have said."""
    name = before.records.get(b"path", before.name or header.name)
    if header.kind == _SPARSE or _is_sparse(before.records):
        raise BrokenError(f"member {shown(name.decode(errors='replace'))} is sparse")
    size = header.size
    if (digits := before.records.get(b"size")) is not None:
        if not _DECIMAL.fullmatch(digits):
            raise BrokenError(f"damaged header: {digits[:20]!r} is no size")
        size = int(digits)
    return _Header(name, size, header.kind)


def _path(header: _Header, budget: Budget) -> str:
    try:
        return safe_path(header.name.decode())
    except UnicodeDecodeError as error:
        raise ArchiveError(
            f"archive {budget.name!r}: the name {shown(header.name.decode(errors='backslashreplace'))} is not in UTF-8;"
            " pack it with such names"
        ) from error
