"""Archives that want memory, time or another folder; each with what its refusal says ("" where it is only strange)."""

import gzip
import hashlib
import random
import stat
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

from tests.datasets.crafting import (
    BZIP2,
    DEFLATED,
    Zip,
    ZipMember,
    blocks,
    bzip2_zeros,
    deflated_zeros,
    gzipped,
    pax,
    record,
    tar_gz,
    tar_header,
    tar_member,
    zip64_end,
)

MEBIBYTE = 1 << 20
_HUGE = 10**18


class Hostile(NamedTuple):
    """One archive; `refusal` is a pattern of its one sentence."""

    name: str
    suffix: str
    make: Callable[[], bytes]
    refusal: str


def corpus() -> Iterator[Hostile]:
    """Yield every hostile archive, none larger than a mebibyte."""
    for name, (make, refusal) in _ZIPS.items():
        yield Hostile(f"zip-{name}", ".zip", make, refusal)
    for name, (make, refusal) in _TARS.items():
        yield Hostile(f"tar-{name}", ".tar.gz", make, refusal)


def _one(**fields: object) -> Callable[[], bytes]:
    return lambda: Zip([ZipMember(**{"name": b"a/1.jpg", **fields})]).build()  # type: ignore[arg-type]


def _named(name: bytes, flags: int = 0) -> Callable[[], bytes]:
    return _one(name=name, flags=flags)


def _bomb(megabytes: int, size: int, method: int = DEFLATED) -> Callable[[], bytes]:
    pack = bzip2_zeros if method == BZIP2 else deflated_zeros
    crc = zlib.crc32(bytes(min(size, MEBIBYTE)))  # right where little is stated
    return lambda: Zip([ZipMember(b"a/1.jpg", pack(megabytes), size, method, crc=crc)]).build()


def _filling(count: int) -> bytes:
    """Return bytes that nothing packs."""
    return random.Random(0).randbytes(count)


def _bomb_with_filling() -> bytes:
    """Return a zip that unpacks to as much as one of its size may."""
    bomb = ZipMember(b"a/1.jpg", deflated_zeros(180), 180 * MEBIBYTE, DEFLATED)
    return Zip([ZipMember(b"a/0.jpg", _filling(800_000)), bomb]).build()


def _tar_bomb_with_filling() -> bytes:
    """Return a tar.gz that unpacks to as much as one of its size may."""
    before = tar_member(b"a/0.jpg", _filling(800_000)) + tar_header(size=170 * MEBIBYTE)
    return gzipped(bytes(MEBIBYTE), 169, before, bytes(1024))


def _deep_folders() -> bytes:
    """Return a tar of thousands of paths that share no folder."""
    names = (hashlib.sha256(b"%d" % i).hexdigest() for i in range(600))
    parts = ("/".join(name[at : at + 4] for at in range(0, 64, 4)) for name in names)
    return tar_gz(*(tar_header(f"{path}/1.jpg".encode(), 0) for path in parts))


def _overlapping() -> bytes:
    crc = zlib.crc32(bytes(1000))
    first = ZipMember(b"a/0.jpg", deflated_zeros(30), 1000, DEFLATED, crc=crc)
    again = [
        ZipMember(b"a/0.jpg", first.content, 1000, DEFLATED, crc=crc, offset=0, is_listed_only=True)
        for _ in range(7000)
    ]
    return Zip([first, *again]).build()


def _nested() -> bytes:
    """Return a zip in which a member's data is the next member."""
    inner = Zip([ZipMember(b"a/2.jpg", b"2" * 100)]).build()[: 30 + 7 + 100]
    outer = ZipMember(b"a/1.jpg", inner)
    return Zip([outer, ZipMember(b"a/2.jpg", b"2" * 100, offset=37, is_listed_only=True)]).build()


def _extra_64(*numbers: int) -> bytes:
    return struct.pack(f"<2H{len(numbers)}Q", 1, 8 * len(numbers), *numbers)


def _zip64(size: int, offset: int, members: int = 1, locator: int | None = None) -> Callable[[], bytes]:
    """Return a zip whose record of 64 bits states what is given."""

    def make() -> bytes:
        whole = Zip([ZipMember(b"a/1.jpg")]).build()
        before = len(whole) - 22
        end = zip64_end(before, size, offset, members, locator)
        return whole[:before] + end + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 65535, 65535, 2**32 - 1, 2**32 - 1, 0)

    return make


_ZIPS: dict[str, tuple[Callable[[], bytes], str]] = {
    "deflate-lies": (_bomb(900, 1000), "holds more than the 1000 bytes that it states"),
    "bzip2-lies": (_bomb(9000, 1000, BZIP2), "'a/1.jpg' is packed with method 12; pack it as a plain zip"),
    "deflate-bomb": (_bomb(900, 900 * MEBIBYTE), "unpacks to more than"),
    "deflate-within-the-budget": (_bomb_with_filling, ""),
    "lzma": (_one(method=14), "packed with method 14"),
    "method-99": (_one(method=99), "packed with method 99"),
    "size-too-large": (_one(content=b"", method=DEFLATED, size=10), "ends early"),
    "stored-size-lies": (_one(size=1000), "states 1000 bytes and 1 packed"),
    "packed-beyond-the-end": (_one(size=10**6, packed=10**6), "overlaps"),
    "wrong-checksum": (_one(crc=7), "is damaged"),
    "overlapping": (_overlapping, "overlaps what comes after it"),
    "nested": (_nested, "overlaps what comes after it"),
    "encrypted": (_one(flags=1), "encrypted, password required"),
    "strongly-encrypted": (_one(flags=0x40), "encrypted, password required"),
    "masked": (_one(flags=0x2000), "encrypted, password required"),
    "climbs": (_named(b"a/../../b.jpg"), "points outside"),
    "climbs-with-backslashes": (_named(b"..\\b.jpg"), "points outside"),
    "absolute": (_named(b"/etc/b.jpg"), "points outside"),
    "drive": (_named(b"C:\\b.jpg"), "points outside"),
    "share": (_named(b"\\\\host\\b.jpg"), "points outside"),
    "nul": (_named(b"a/b.jpg\0.txt"), "points outside"),
    "control": (_named(b"a/\x1b[2J.jpg"), "points outside"),
    "no-name": (_named(b""), "has no name"),
    "long-name": (_named(b"a/" + b"b" * 65000 + b".jpg"), "is longer than 850 bytes"),
    "no-utf-8": (_named(b"a/\xff\xfe.jpg", 0x800), "is not in UTF-8, as it says"),
    "shift-jis": (_named(b"a/\x93\xfa\x96{.jpg"), ""),
    "latin-1": (_named(b"caf\xe9/1.jpg"), ""),
    "utf-8-unsaid": (_named("café/1.jpg".encode()), ""),
    "link": (_one(attributes=(stat.S_IFLNK | 0o777) << 16), "is no regular file"),
    "device": (_one(attributes=(stat.S_IFCHR | 0o666) << 16), "is no regular file"),
    "local-name-differs": (_one(local_name=b"a/2.jpg"), "contradicts the directory"),
    "local-method-differs": (_one(local_method=DEFLATED), "contradicts the directory"),
    "offset-beyond-the-end": (_one(offset=2**31), "overlaps"),
    "offset-in-the-directory": (_one(offset=40), "overlaps|contradicts|ends early"),
    "extra-overruns": (_one(extra=b"\1\0\xff\xff12"), "damaged extra field"),
    "extra-lacks-its-number": (_one(size=2**32 - 1, packed=2**32 - 1, extra=_extra_64(1)), "lacks a size of 64 bits"),
    "size-of-64-bits": (
        _one(size=2**32 - 1, packed=2**32 - 1, extra=_extra_64(_HUGE, _HUGE)), "unpacks to more than",
    ),
    "offset-of-64-bits": (_one(offset=2**32 - 1, extra=_extra_64(2**63)), "overlaps"),
    "directory-lies-about-members": (
        lambda: Zip([ZipMember(b"a/1.jpg")], stated_members=60000).build(), "lists 1 members and says 60000",
    ),
    "directory-of-another-size": (
        lambda: Zip([ZipMember(b"a/1.jpg")], directory_size=2**32 - 1).build(), "does not lie where it says",
    ),
    "directory-elsewhere": (
        lambda: Zip([ZipMember(b"a/1.jpg")], directory_offset=0).build(), "does not lie where it says",
    ),
    "directory-of-64-bits": (_zip64(2**63, 38), "does not lie where it says"),
    "directory-offset-of-64-bits": (_zip64(53, 2**64 - 1), "does not lie where it says"),
    "members-of-64-bits": (_zip64(53, 38, 2**64 - 1), "lists 1 members and says"),
    "locator-beyond-the-end": (_zip64(53, 38, 1, 2**60), "does not lie where it says"),
    "many-ends": (
        lambda: Zip([ZipMember(b"a/1.jpg")], before_end=b"PK\5\6" * 16000, comment=b"PK\5\6" * 16000).build(),
        "does not lie where it says",
    ),
    "many-members": (
        lambda: Zip([ZipMember(b"a/%d.jpg" % i, b"") for i in range(9000)]).build(), "",
    ),
    "file-is-a-folder-too": (lambda: Zip([ZipMember(b"a/1.jpg"), ZipMember(b"a/1.jpg/2.jpg")]).build(), ""),
    "deep": (_named(b"a/" * 420 + b"1.jpg"), ""),
    "too-deep": (_named(b"a/" * 440 + b"1.jpg"), "is longer than 850 bytes"),
    "empty": (lambda: Zip().build(), "holds no file"),
    "zeros": (lambda: bytes(MEBIBYTE), "it is no zip file"),
}  # fmt: skip

_BASE_256_HUGE = b"\x80" + _HUGE.to_bytes(11, "big")
_TARS: dict[str, tuple[Callable[[], bytes], str]] = {
    "pax-size": (lambda: tar_gz(pax([record(b"size", b"%d" % _HUGE)]), tar_member()), "unpacks to more than"),
    "base-256-size": (lambda: tar_gz(tar_header(size=_BASE_256_HUGE)), "unpacks to more than"),
    "base-256-size-of-a-folder": (lambda: tar_gz(tar_header(b"a/", _BASE_256_HUGE, b"5"), tar_member()), ""),
    "base-256-size-of-another-kind": (lambda: tar_gz(tar_header(size=_BASE_256_HUGE, kind=b"Z")), "unpacks to more"),
    "negative-base-256-size": (lambda: tar_gz(tar_header(size=b"\xff" * 12)), "a size is negative"),
    "negative-pax-size": (lambda: tar_gz(pax([record(b"size", b"-512")]), tar_member()), "is no size"),
    "pax-size-of-a-megabyte-of-digits": (
        lambda: tar_gz(pax([record(b"size", b"9" * (MEBIBYTE - 40))]), tar_member()), "is no size",
    ),
    "pax-length-of-a-megabyte-of-digits": (lambda: tar_gz(pax([b"9" * (MEBIBYTE - 40)]), tar_member()), "records are"),
    "pax-length-beyond-the-end": (lambda: tar_gz(pax([b"999999999 path=a\n"]), tar_member()), "its records are none"),
    "pax-length-zero": (lambda: tar_gz(pax([b"0 path=a\n"]), tar_member()), "its records are none"),
    "pax-of-many-records": (lambda: tar_gz(pax([b"6 a=b\n"] * 100_000), tar_member()), "or too many"),
    "pax-of-two-megabytes": (lambda: tar_gz(pax([record(b"a", b"b" * 2 * MEBIBYTE)]), tar_member()), "header of 20"),
    "pax-for-all": (lambda: tar_gz(pax([record(b"path", b"a/2.jpg")], b"g"), tar_member()), "one path or size"),
    "pax-climbs": (lambda: tar_gz(pax([record(b"path", b"../b.jpg")]), tar_member()), "points outside"),
    "pax-sparse": (
        lambda: tar_gz(pax([record(b"GNU.sparse.major", b"1"), record(b"GNU.sparse.realsize", b"99")]), tar_member()),
        "is sparse",
    ),
    "gnu-sparse": (lambda: tar_gz(tar_member(kind=b"S")), "is sparse"),
    "long-name-of-a-megabyte": (
        lambda: tar_gz(tar_member(b"long", b"a" * MEBIBYTE, b"L"), tar_member()), "is longer than 850 bytes",
    ),
    "long-name-of-base-256-size": (lambda: tar_gz(tar_header(size=_BASE_256_HUGE, kind=b"L")), "header of 1000000"),
    "chain-of-long-names": (
        lambda: gzipped(tar_member(b"long", b"a/1.jpg", b"L"), 18_000), "more than 8 headers in a row",
    ),
    "endless-headers": (lambda: gzipped(tar_header(size=0), 20_000), "has more than"),
    "endless-pax-and-member": (
        lambda: gzipped(pax([b"6 a=b\n"] * 250) + tar_header(size=0), 11_000), "has more than|unpacks to more than",
    ),
    "endless-zeros-after-the-end": (lambda: gzipped(bytes(MEBIBYTE), 900, tar_member()), "unpacks to more than"),
    "endless-member": (
        lambda: gzipped(bytes(MEBIBYTE), 900, tar_header(size=900 * MEBIBYTE)), "unpacks to more than",
    ),
    "member-within-the-budget": (_tar_bomb_with_filling, "damaged data"),
    "member-cut-short": (lambda: tar_gz(tar_header(size=5000), b"1" * 100, end=b""), "ends after 100 of 5000 bytes"),
    "no-end": (lambda: tar_gz(tar_member(), end=b""), "it ends early"),
    "second-archive": (lambda: tar_gz(tar_member(), bytes(1024), tar_member()), "more follows after its end"),
    "wrong-checksum": (lambda: tar_gz(tar_header(checksum=b"000000\0 ")), "its checksum is wrong"),
    "size-no-number": (lambda: tar_gz(tar_header(size=b"99999999999\0")), "is no number"),
    "many-gzip-parts": (lambda: gzip.compress(b"", mtime=0) * 50_000, "has more than"),
    "gzip-name-of-a-megabyte": (
        lambda: b"\x1f\x8b\x08\x08\0\0\0\0\0\xff" + b"n" * (MEBIBYTE - 20), "it ends early",
    ),
    "gzip-wrong-checksum": (lambda: tar_gz(tar_member())[:-8] + bytes(8), "incorrect data check"),
    "zeros-in-gzip": (lambda: gzipped(bytes(MEBIBYTE), 900), "unpacks to more than"),
    "empty": (tar_gz, "holds no file"),
    "climbs": (lambda: tar_gz(tar_member(b"a/../../b.jpg")), "points outside"),
    "absolute": (lambda: tar_gz(tar_member(b"/etc/b.jpg")), "points outside"),
    "control": (lambda: tar_gz(tar_member(b"a/\x1b[2J.jpg")), "points outside"),
    "no-name": (lambda: tar_gz(tar_member(b"")), "has no name"),
    "no-utf-8": (lambda: tar_gz(tar_member(b"caf\xe9/1.jpg")), "is not in UTF-8"),
    "link": (lambda: tar_gz(tar_member(kind=b"2", content=b"")), "is no regular file"),
    "hard-link": (lambda: tar_gz(tar_member(kind=b"1", content=b"")), "is no regular file"),
    "device": (lambda: tar_gz(tar_member(kind=b"3", content=b"")), "is no regular file"),
    "unknown-kind": (lambda: tar_gz(tar_member(kind=b"Z")), "is no regular file"),
    "file-is-a-folder-too": (lambda: tar_gz(tar_member(), tar_member(b"a/1.jpg/2.jpg")), ""),
    "many-deep-folders": (_deep_folders, "has more than"),
    "no-tar": (lambda: gzip.compress(blocks(b"no tar" * 5000), mtime=0), "damaged header"),
}  # fmt: skip
