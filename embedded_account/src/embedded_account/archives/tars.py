"""The regular files of a .tar.gz, read forwards once.

tarfile is not used: it takes the records of a pax header into memory whole, however many there are, searches them in
quadratic time, and passes over a size of 10^18 bytes for ever.

Source: POSIX.1-2017, pax, ustar and pax interchange formats; GNU tar manual, "Basic Tar Format".
"""

import gzip
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from embedded_account.archives import ArchiveError

MAX_BYTES = 20 << 30
MAX_MEMBERS = 100_000
_MAX_RATIO = 100  # of what is unpacked to what is packed
_FLOOR_BYTES = 64 << 20  # what any archive may unpack to
_BLOCK = 512
_PIECE = 1 << 20
_MAX_HEADER_BYTES = 1 << 16  # of a long name, or of pax records
_MAX_RECORDS = 256
_MAX_PARTS = 100
_REGULAR = (b"0", b"\0", b"7")
_WITHOUT_CONTENT = (b"1", b"2", b"3", b"4", b"5", b"6")  # links, devices, folders, pipes
_RECORD = re.compile(rb"([1-9][0-9]{0,5}) ([^=\n]{1,255})=")


@dataclass(frozen=True)
class _Header:
    name: bytes
    size: int
    kind: bytes


def extract(archive: Path, folder: Path) -> None:
    """Write the regular files of the .tar.gz `archive` below `folder`; links and devices are left out.

    Raises:
        ArchiveError: it is damaged or no archive, a path leaves `folder`, or it holds more than it may.
        OSError: a file cannot be written.
    """
    max_bytes = min(MAX_BYTES, _FLOOR_BYTES + _MAX_RATIO * archive.stat().st_size)
    with archive.open("rb") as packed, gzip.GzipFile(fileobj=packed) as unpacked:
        source = _Source(unpacked, max_bytes)
        for header in _members(source):
            _write(folder / _path_of(header), source.pieces(header.size))
        source.drain()


class _Source:
    """Reads forwards in what a gzip file unpacks to, up to a bound."""

    def __init__(self, unpacked: gzip.GzipFile, max_bytes: int) -> None:
        self._unpacked = unpacked
        self._left = self._max_bytes = max_bytes

    def exactly(self, count: int) -> bytes:
        """Return the next `count` bytes, a small number."""
        return b"".join(self.pieces(count))

    def pieces(self, count: int) -> Iterator[bytes]:
        """Yield the next `count` bytes piece by piece."""
        self.require(count)
        while count:
            piece = self._read(min(count, _PIECE))
            if not piece:
                raise ArchiveError("it ends early")
            count -= len(piece)
            yield piece

    def require(self, count: int) -> None:
        """Refuse at once what would not fit, before a byte of it is unpacked."""
        if count > self._left:
            raise ArchiveError(f"it unpacks to more than {self._max_bytes} bytes, for what it is packed to")

    def drain(self) -> None:
        """Read what follows the archive's end, so that a checksum at the very end is looked at."""
        while self._read(_PIECE):
            pass

    def _read(self, count: int) -> bytes:
        try:
            piece = self._unpacked.read(count)
        except (OSError, EOFError, zlib.error) as error:
            raise ArchiveError(str(error)) from error
        self.require(len(piece))
        self._left -= len(piece)
        return piece


def _members(source: _Source) -> Iterator[_Header]:
    """Yield each member; its content is read by the caller, or passed over here."""
    name, size = b"", None
    for _ in range(MAX_MEMBERS):
        block = source.exactly(_BLOCK)
        if not block.strip(b"\0"):
            return
        header = _parse(block)
        if header.kind in (b"L", b"K", b"x", b"X", b"g"):
            content = _extension(source, header)
            if header.kind == b"L":
                name = content.split(b"\0", 1)[0]
            elif header.kind in (b"x", b"X"):
                records = _records(content)
                name = records.get(b"path", name)
                size = _size(records[b"size"]) if b"size" in records else size
            continue
        member = _Header(name or header.name, header.size if size is None else size, header.kind)
        name, size = b"", None
        yield from _bounded(source, member)
    raise ArchiveError(f"it has more than {MAX_MEMBERS} members")


def _bounded(source: _Source, member: _Header) -> Iterator[_Header]:
    """Yield `member` if it is a file, and see to it that the source is at the next header afterwards."""
    size = 0 if member.kind in _WITHOUT_CONTENT else member.size
    source.require(size)
    if member.kind in _REGULAR and not member.name.endswith(b"/"):
        yield member
    else:
        for _ in source.pieces(size):
            pass
    source.exactly(-size % _BLOCK)


def _parse(block: bytes) -> _Header:
    stated, total = _number(block[148:156]), sum(block) - sum(block[148:156]) + 8 * ord(" ")
    if stated != total:
        raise ArchiveError("a header's checksum is wrong")
    name, prefix = block[:100].split(b"\0", 1)[0], block[345:500].split(b"\0", 1)[0]
    if prefix and block[257:263] == b"ustar\0":
        name = prefix + b"/" + name
    return _Header(name, _number(block[124:136]), block[156:157])


def _number(field: bytes) -> int:
    """Return a number in octal digits, or in base 256 where the first bit is set."""
    if field[0] & 0x80:
        if field[0] & 0x40:
            raise ArchiveError("a size in it is negative")
        return int.from_bytes(bytes([field[0] & 0x7F]) + field[1:], "big")
    digits = field.split(b"\0", 1)[0].strip(b" ") or b"0"
    if not re.fullmatch(rb"[0-7]{1,12}", digits):
        raise ArchiveError("a number in a header is none")
    return int(digits, 8)


def _size(digits: bytes) -> int:
    if not re.fullmatch(rb"[0-9]{1,19}", digits):
        raise ArchiveError("a size in it is none")
    return int(digits)


def _extension(source: _Source, header: _Header) -> bytes:
    if header.size > _MAX_HEADER_BYTES:
        raise ArchiveError(f"a header in it has {header.size} bytes; at most {_MAX_HEADER_BYTES} are read")
    content = source.exactly(header.size)
    source.exactly(-header.size % _BLOCK)
    return content


def _records(content: bytes) -> dict[bytes, bytes]:
    """Return pax records, each of which reads "LENGTH KEY=VALUE" and a line's end."""
    records: dict[bytes, bytes] = {}
    at = 0
    while at < len(content):
        match = _RECORD.match(content, at)
        end = at + int(match[1]) if match else at
        if match is None or end > len(content) or end <= match.end() or len(records) >= _MAX_RECORDS:
            raise ArchiveError("the records of a header in it are none, or too many")
        records[match[2]] = content[match.end() : end - 1]
        at = end
    if any(key.startswith(b"GNU.sparse.") for key in records):
        raise ArchiveError("it has a sparse member")
    return records


def _path_of(header: _Header) -> PurePosixPath:
    """Return where a file belongs.

    Raises:
        ArchiveError: outside, or too deep.
    """
    try:
        path = PurePosixPath(header.name.decode())
    except UnicodeDecodeError:
        raise ArchiveError("a name in it is not in UTF-8") from None
    shown = str(path)[:100]
    if path.is_absolute() or ".." in path.parts or "\0" in shown:
        raise ArchiveError(f"member {shown!r} would be written outside of the model folder")
    if len(path.parts) > _MAX_PARTS:
        raise ArchiveError(f"member {shown!r} lies in more than {_MAX_PARTS} folders")
    return path


def _write(target: Path, content: Iterator[bytes]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        file.writelines(content)
