"""The members of a zip: its directory at the end lists them, and each has a header of its own, which must agree.

Source: PKWARE, .ZIP File Format Specification (APPNOTE.TXT) 6.3.10.
"""

import stat
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from datasets.budget import CHUNK_BYTES, Budget
from datasets.errors import ArchiveError
from datasets.paths import safe_path, shown
from datasets.streams import BrokenError, Entry, Forward, Source, plain, read_at

_END = struct.Struct("<4s4H2LH")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR_64 = struct.Struct("<4sLQL")
_LISTED = struct.Struct("<L6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_LISTED_SIGNATURE = 0x02014B50
_MAX_COMMENT_BYTES = 0xFFFF
_UNKNOWN_32 = 0xFFFFFFFF  # the number is in a record of 64 bits
_ENCRYPTED = 0x0001 | 0x0040 | 0x2000
_UTF_8 = 0x0800
_STORED, _DEFLATED = 0, 8
_EXTRA_64, _EXTRA_NAME = 0x0001, 0x7075
_PACKED_BYTES = 32 * 1024
_RAW_DEFLATE = -15


@dataclass(frozen=True)
class _Directory:
    start: int
    size: int
    members: int


@dataclass(frozen=True, slots=True)
class _Listed:
    """A member as the directory states it."""

    offset: int  # of its own header
    name: bytes
    path: str
    mode: int
    method: int
    crc: int
    packed: int  # bytes
    size: int
    is_folder: bool


def entries(stream: Source, budget: Budget) -> Iterator[Entry]:
    """Yield every member in the order of the file; all of the directory is checked before the first.

    Raises:
        ArchiveError: it holds more than the budget allows, or a member that is encrypted, packed in another way than
            stored or deflated, or outside.
        BrokenError: it is damaged, ends early, contradicts itself, or is no zip.
    """
    directory = _directory(stream, budget)
    listed = sorted(_listed(stream, directory, budget), key=lambda member: member.offset)
    ends = [member.offset for member in listed[1:]] + [directory.start]
    for member, end in zip(listed, ends, strict=False):
        _check_apart(member, member.offset + _LOCAL.size + len(member.name) + member.packed, end)
    for member, end in zip(listed, ends, strict=False):
        is_regular = not member.is_folder and stat.S_IFMT(member.mode) in (0, stat.S_IFREG)
        yield Entry(member.path, member.size, member.is_folder, is_regular, partial(_chunks, stream, member, end))


def _check_apart(member: _Listed, own_end: int, next_start: int) -> None:
    if own_end > next_start:
        raise BrokenError(f"member {shown(member.path)} overlaps what comes after it")


def _directory(stream: Source, budget: Budget) -> _Directory:
    """Find the directory by the record at the very end.

    Raises:
        BrokenError: there is none, or it does not lie where that record says.
    """
    start = max(0, budget.size - _END.size - _MAX_COMMENT_BYTES)
    tail = read_at(stream, start, budget.size - start)
    at = tail.rfind(b"PK\x05\x06")
    while at >= 0 and not _is_end(tail, at):
        at = tail.rfind(b"PK\x05\x06", 0, at)
    if at < 0:
        raise BrokenError("it is no zip file, or ends early")
    _, disk, first_disk, here, members, size, offset, _ = _END.unpack_from(tail, at)
    end = start + at
    locator = read_at(stream, end - _LOCATOR_64.size, _LOCATOR_64.size) if end >= _LOCATOR_64.size else b""
    if locator[:4] == b"PK\x06\x07":
        end, disk, first_disk, here, members, size, offset = _end_64(stream, end, locator)
    if disk or first_disk or here != members:
        raise BrokenError("it is one of several parts")
    if offset + size != end:
        raise BrokenError("its directory does not lie where it says")
    if size > budget.limits.central_directory_bytes:
        raise ArchiveError(
            f"archive {budget.name!r} has a directory of {size} bytes; at most "
            f"{budget.limits.central_directory_bytes} are read"
        )
    return _Directory(offset, size, members)


def _is_end(tail: bytes, at: int) -> bool:
    """Tell whether the last record begins here: nothing but the comment whose length it states may follow."""
    return at + _END.size <= len(tail) and at + _END.size + _END.unpack_from(tail, at)[-1] == len(tail)


def _end_64(stream: Source, end: int, locator: bytes) -> tuple[int, int, int, int, int, int, int]:
    """Return the position and the fields of the record that replaces the last one where 32 bits are too few."""
    position = _LOCATOR_64.unpack(locator)[2]
    if position > end:
        raise BrokenError("its directory does not lie where it says")
    signature, length, _, _, disk, first_disk, here, members, size, offset = _END_64.unpack(
        read_at(stream, position, _END_64.size)
    )
    if signature != b"PK\x06\x06" or position + 12 + length + _LOCATOR_64.size != end:
        raise BrokenError("its directory does not lie where it says")
    return position, disk, first_disk, here, members, size, offset


def _listed(stream: Source, directory: _Directory, budget: Budget) -> Iterator[_Listed]:
    """Yield what the directory lists, each member held against the budget."""
    stream.seek(directory.start)
    reader = Forward(plain(stream))
    left, count = directory.size, 0
    while left:
        fixed = _exactly(reader, _LISTED.size, left)
        fields = _LISTED.unpack(fixed)
        lengths = fields[10:13]  # of name, extra fields and comment
        variable = _exactly(reader, sum(lengths), left - len(fixed))
        left -= len(fixed) + len(variable)
        count += 1
        budget.add_member()
        member = _member(fields, variable[: lengths[0]], variable[lengths[0] : lengths[0] + lengths[1]], budget)
        budget.add_bytes(member.size)
        yield member
    if count != directory.members:
        raise BrokenError(f"its directory lists {count} members and says {directory.members}")


def _exactly(reader: Forward, count: int, left: int) -> bytes:
    data = reader.read(count) if count <= left else b""
    if len(data) < count:
        raise BrokenError("its directory ends early")
    return data


def _member(fields: tuple[int, ...], name: bytes, extra: bytes, budget: Budget) -> _Listed:
    signature, _, _, flags, method, _, _, crc, packed, size, _, _, _, disk, _, attributes, offset = fields
    if signature != _LISTED_SIGNATURE:
        raise BrokenError("its directory is damaged")
    extras = _extras(extra)
    packed, size, offset = _in_64_bits(extras.get(_EXTRA_64, b""), packed, size, offset)
    text = _text(name, flags, extras, budget).replace("\\", "/")
    path = safe_path(text)
    mode = attributes >> 16
    is_folder = text.endswith("/") or stat.S_ISDIR(mode)
    if flags & _ENCRYPTED:
        raise ArchiveError(
            f"archive {budget.name!r}: member {shown(path)} is encrypted, password required; pack it as a plain zip"
        )
    if method not in (_STORED, _DEFLATED):
        raise ArchiveError(
            f"archive {budget.name!r}: member {shown(path)} is packed with method {method}; pack it as a plain zip, "
            "stored or deflated"
        )
    if disk or (method == _STORED and packed != size):
        raise BrokenError(f"member {shown(path)} states {size} bytes and {packed} packed")
    return _Listed(offset, name, path, mode, method, crc, packed, size, is_folder)


def _extras(extra: bytes) -> dict[int, bytes]:
    """Return extra fields by their number; what is too short for one at the end is filling."""
    fields: dict[int, bytes] = {}
    at = 0
    while at + 4 <= len(extra):
        number, length = struct.unpack_from("<2H", extra, at)
        if at + 4 + length > len(extra):
            raise BrokenError("its directory has a damaged extra field")
        fields[number] = extra[at + 4 : at + 4 + length]
        at += 4 + length
    return fields


def _in_64_bits(extra: bytes, packed: int, size: int, offset: int) -> tuple[int, int, int]:
    """Return the three numbers, those that need 64 bits from the extra field, which lists them in this order."""
    numbers = iter(struct.unpack_from(f"<{len(extra) // 8}Q", extra))
    try:
        size = next(numbers) if size == _UNKNOWN_32 else size
        packed = next(numbers) if packed == _UNKNOWN_32 else packed
        offset = next(numbers) if offset == _UNKNOWN_32 else offset
    except StopIteration:
        raise BrokenError("its directory lacks a size of 64 bits") from None
    return packed, size, offset


def _text(name: bytes, flags: int, extras: dict[int, bytes], budget: Budget) -> str:
    """Return a member's name: UTF-8 where it says so or it is; else as DOS wrote it, which the format's default is.

    Raises:
        ArchiveError: it says UTF-8 and is not.
    """
    unicode = extras.get(_EXTRA_NAME, b"")
    if len(unicode) > 5 and unicode[0] == 1 and struct.unpack_from("<L", unicode, 1)[0] == zlib.crc32(name):
        name, flags = unicode[5:], flags | _UTF_8
    try:
        return name.decode()
    except UnicodeDecodeError as error:
        if flags & _UTF_8:
            raise ArchiveError(
                f"archive {budget.name!r}: the name {shown(name.decode(errors='backslashreplace'))} is not in UTF-8, "
                "as it says; pack it with such names"
            ) from error
        return name.decode("cp437")


def _chunks(stream: Source, member: _Listed, end: int) -> Iterator[bytes]:
    """Yield a member's bytes, as many as the directory states and one more at most, and check them."""
    signature, _, flags, method, _, _, _, _, _, name_length, extra_length = _LOCAL.unpack(
        read_at(stream, member.offset, _LOCAL.size)
    )
    start = member.offset + _LOCAL.size + name_length + extra_length
    _check_apart(member, start + member.packed, end)
    if (
        signature != b"PK\x03\x04"
        or flags & _ENCRYPTED
        or method != member.method
        or read_at(stream, member.offset + _LOCAL.size, name_length) != member.name
    ):
        raise BrokenError(f"member {shown(member.path)} has a header that contradicts the directory")
    packed = _packed(stream, start, member.packed)
    crc = count = 0
    for piece in packed if method == _STORED else _inflated(packed, member.size):
        count += len(piece)
        if count > member.size:
            raise BrokenError(f"member {shown(member.path)} holds more than the {member.size} bytes that it states")
        crc = zlib.crc32(piece, crc)
        yield piece
    if count != member.size or crc != member.crc or next(packed, b""):
        raise BrokenError(f"member {shown(member.path)} is damaged or not of the {member.size} bytes that it states")


def _packed(stream: Source, start: int, count: int) -> Iterator[bytes]:
    for at in range(start, start + count, _PACKED_BYTES):
        yield read_at(stream, at, min(_PACKED_BYTES, start + count - at))


def _inflated(packed: Iterator[bytes], most: int) -> Iterator[bytes]:
    """Yield what deflated data unpacks to, one byte more than `most` at the most."""
    inflater = zlib.decompressobj(_RAW_DEFLATE)
    data = b""
    while not inflater.eof and most >= 0:
        data = data or next(packed, b"")
        is_end = not data
        piece = inflater.decompress(data, min(CHUNK_BYTES, most + 1))
        data = inflater.unconsumed_tail
        most -= len(piece)
        if piece:
            yield piece
        elif is_end and not inflater.eof:
            raise BrokenError("it ends early")
    if data or inflater.unused_data:
        raise BrokenError("a member holds more than its data")
