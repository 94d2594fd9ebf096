"""Zips and tars field by field, so that each may lie; and data that unpacks to a thousand times its size."""

import bz2
import gzip
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field

STORED, DEFLATED, BZIP2 = 0, 8, 12


def deflated_zeros(megabytes: int) -> bytes:
    """Return raw deflate data of so many megabytes of zeros: the packed form of one of them, over and over."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packer.compress(bytes(1 << 20)), packer.flush(zlib.Z_FULL_FLUSH)
    piece = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    end = zlib.compressobj(9, zlib.DEFLATED, -15).flush()
    return piece * megabytes + end


def bzip2_zeros(megabytes: int) -> bytes:
    """Return bzip2 data of so many megabytes of zeros: streams one after the other."""
    return bz2.compress(bytes(45 << 20)) * (megabytes // 45 + 1)


def gzipped(repeated: bytes, times: int, before: bytes = b"", after: bytes = b"") -> bytes:
    """Return a gzip file of `repeated` over and over, packed once, so that it costs nothing to make."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    head = packer.compress(before + repeated) + packer.flush(zlib.Z_FULL_FLUSH)
    piece = packer.compress(repeated) + packer.flush(zlib.Z_FULL_FLUSH)
    body = head + piece * times + packer.compress(after) + packer.flush()
    return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + body + bytes(8)  # the checksum is wrong, which nobody should get to see


@dataclass
class ZipMember:
    """What a zip says of a member, here and in its directory."""

    name: bytes
    content: bytes = b"1"  # as it lies in the file
    size: int | None = None  # that is stated
    method: int = STORED
    flags: int = 0
    crc: int | None = None
    packed: int | None = None
    offset: int | None = None  # that the directory states
    local_name: bytes | None = None
    local_method: int | None = None
    attributes: int = 0
    extra: bytes = b""
    is_listed_only: bool = False  # the directory alone knows it


@dataclass
class Zip:
    """A zip of members, and what its last record states."""

    members: list[ZipMember] = field(default_factory=list)
    stated_members: int | None = None
    directory_size: int | None = None
    directory_offset: int | None = None
    comment: bytes = b""
    before_end: bytes = b""

    def build(self) -> bytes:
        body, directory = b"", b""
        for member in self.members:
            size = len(member.content) if member.size is None else member.size
            packed = len(member.content) if member.packed is None else member.packed
            crc = zlib.crc32(member.content) if member.crc is None else member.crc
            offset = len(body) if member.offset is None else member.offset
            shared = (crc, packed, size)
            if not member.is_listed_only:
                name = member.name if member.local_name is None else member.local_name
                method = member.method if member.local_method is None else member.local_method
                body += struct.pack("<4s5H3L2H", b"PK\3\4", 20, member.flags, method, 0, 33, *shared, len(name), 0)
                body += name + member.content
            directory += struct.pack(
                "<4s6H3L5H2L", b"PK\1\2", 0x314, 20, member.flags, member.method, 0, 33, *shared,
                len(member.name), len(member.extra), 0, 0, 0, member.attributes, offset,
            )  # fmt: skip
            directory += member.name + member.extra
        stated = len(self.members) if self.stated_members is None else self.stated_members
        size = len(directory) if self.directory_size is None else self.directory_size
        offset = len(body) if self.directory_offset is None else self.directory_offset
        end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, stated, stated, size, offset, len(self.comment))
        return body + directory + self.before_end + end + self.comment


def zip64_end(position: int, size: int, offset: int, members: int = 1, locator: int | None = None) -> bytes:
    """Return the record of 64 bits and its locator; `position` is where it lies."""
    record = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, members, members, size, offset)
    return record + struct.pack("<4sLQL", b"PK\6\7", 0, position if locator is None else locator, 1)


def tar_header(
    name: bytes = b"a/1.jpg", size: bytes | int = 1, kind: bytes = b"0", checksum: bytes | None = None
) -> bytes:
    """Return one header block; a size in bytes is written as it is."""
    stated = b"%011o\0" % size if isinstance(size, int) else size
    block = bytearray(512)
    block[: len(name[:100])] = name[:100]
    block[100:108] = b"0000644\0"
    block[124:136] = stated
    block[156:157] = kind
    block[257:265] = b"ustar\x0000"
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block) if checksum is None else checksum
    return bytes(block)


def blocks(content: bytes) -> bytes:
    """Return `content` filled up to whole blocks."""
    return content + bytes(-len(content) % 512)


def tar_member(name: bytes = b"a/1.jpg", content: bytes = b"1", kind: bytes = b"0") -> bytes:
    return tar_header(name, len(content), kind) + blocks(content)


def record(key: bytes, value: bytes) -> bytes:
    """Return one pax record with its right length."""
    length = len(key) + len(value) + 3
    while len(b"%d" % length) + len(key) + len(value) + 3 != length:
        length += 1
    return b"%d %s=%s\n" % (length, key, value)


def pax(records: Iterable[bytes], kind: bytes = b"x") -> bytes:
    return tar_member(b"pax", b"".join(records), kind)


def tar_gz(*parts: bytes, end: bytes = bytes(1024)) -> bytes:
    return gzip.compress(b"".join(parts) + end, mtime=0)


def sound_zip(files: dict[str, bytes]) -> bytes:
    return Zip([ZipMember(name.encode(), content) for name, content in files.items()]).build()
