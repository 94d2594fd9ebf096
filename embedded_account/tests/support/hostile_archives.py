"""Archives made to do harm, and a process of bounded memory that reads them as the account does."""

import gzip
import io
import json
import random
import struct
import subprocess
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

_MEGABYTE = 1 << 20
_MAX_MORE_BYTES = 150 * _MEGABYTE
_READER = """
import json, pathlib, resource, sys, time
from embedded_account.archives import ArchiveError, tars, zips
kind, folder, more = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3])
held = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (held + more, resource.RLIM_INFINITY))
for path in sorted(folder.glob("*.archive")):
    target, began = path.with_suffix(".out"), time.process_time()
    try:
        tars.extract(path, target) if kind == "tars" else zips.extract(path.read_bytes(), target, 64 << 20)
        words = "read"
    except ArchiveError as error:
        words = f"refused: {error}"
    except Exception as error:
        words = f"failed: {type(error).__name__}: {error}"[:300]
    print(json.dumps([path.stem, words, time.process_time() - began]), flush=True)
"""


class Outcome(NamedTuple):
    """How the reading of one archive ended, and how much of a core it took."""

    words: str
    seconds: float


def outcomes(kind: str, archives: Mapping[str, bytes], folder: Path) -> dict[str, Outcome]:
    """Return how each of `archives` ends in one process that may have 150 MB more than it begins with."""
    for name, content in archives.items():
        (folder / f"{name}.archive").write_bytes(content)
    done = subprocess.run(
        [sys.executable, "-c", _READER, kind, str(folder), str(_MAX_MORE_BYTES)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return {name: Outcome(words, seconds) for name, words, seconds in rows}


def _header(name: bytes, size: bytes | int, kind: bytes = b"0") -> bytes:
    """Return one block; `size` as bytes stands in the field as it is."""
    field = b"%011o\0" % size if isinstance(size, int) else size
    block = name.ljust(100, b"\0") + b"0000644\0" + b"0000000\0" * 2 + field + b"0" * 11 + b"\0" + b" " * 8 + kind
    block = block.ljust(257, b"\0") + b"ustar\x0000"
    block = block.ljust(512, b"\0")
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def _base_256(number: int) -> bytes:
    return bytes([0x80 if number >= 0 else 0xFF]) + (number % (1 << 88)).to_bytes(11, "big")


def _extended(records: bytes) -> bytes:
    return _header(b"pax", len(records), b"x") + records + bytes(-len(records) % 512)


def _tar(*parts: bytes) -> bytes:
    return gzip.compress(b"".join(parts) + bytes(1024), 1)


def _record(key: bytes, value: bytes) -> bytes:
    rest = b" " + key + b"=" + value + b"\n"
    size = len(rest) + 1
    while len(b"%d" % size) + len(rest) != size:
        size += 1
    return b"%d" % size + rest


def _member(name: bytes, content: bytes) -> bytes:
    return _header(name, len(content)) + content + bytes(-len(content) % 512)


_BOMB = 120 * _MEGABYTE
# What makes each, and words of its refusal.
TARS: dict[str, tuple[Callable[[], bytes], str]] = {
    "bomb": (lambda: _tar(_header(b"weights", _BOMB), bytes(_BOMB)), "unpacks to more than"),
    "bomb in a folder": (lambda: _tar(_header(b"a/", _BOMB, b"5"), bytes(_BOMB)), "unpacks to more than"),
    "bomb after the end": (lambda: _tar(_member(b"a", b"x"), bytes(_BOMB)), "unpacks to more than"),
    "bomb in a pax header": (lambda: _tar(_header(b"pax", _BOMB, b"x"), bytes(_BOMB)), "at most 65536 are read"),
    "bomb in a long name": (lambda: _tar(_header(b"long", _BOMB, b"L"), bytes(_BOMB)), "at most 65536 are read"),
    "size of 10^18": (lambda: _tar(_header(b"a", _base_256(10**18))), "unpacks to more than"),
    "negative size": (lambda: _tar(_header(b"a", _base_256(-512))), "negative"),
    "pax size of 10^18": (lambda: _tar(_extended(_record(b"size", b"9" * 18)), _header(b"a", 0)), "unpacks to more"),
    "pax size below 0": (lambda: _tar(_extended(_record(b"size", b"-512")), _header(b"a", 0)), "a size in it is none"),
    "pax size of many digits": (
        lambda: _tar(_extended(_record(b"size", b"9" * 60_000)), _header(b"a", 0)),
        "a size in it is none",
    ),
    "pax digits without end": (lambda: _tar(_extended(b"1" * 65_000), _header(b"a", 0)), "records of a header"),
    "pax records without end": (
        lambda: _tar(_extended(b"".join(_record(b"%05d" % n, b"") for n in range(5000))), _header(b"a", 0)),
        "records of a header",
    ),
    "pax record of no length": (lambda: _tar(_extended(b"0 a=b\n"), _header(b"a", 0)), "records of a header"),
    "headers without end": (lambda: _tar(_extended(_record(b"a", b"b")) * 110_000), "more than 100000 members"),
    "members without end": (lambda: _tar(_header(b"../x", 0, b"2") * 120_000), "more than 100000 members"),
    "sparse": (lambda: _tar(_extended(_record(b"GNU.sparse.major", b"1")), _header(b"a", 0)), "sparse"),
    "path that leads outside": (lambda: _tar(_member(b"../escaped", b"x")), "outside"),
    "path from the root": (lambda: _tar(_member(b"/escaped", b"x")), "outside"),
    "pax path that leads outside": (
        lambda: _tar(_extended(_record(b"path", b"a/../../escaped")), _member(b"a", b"x")),
        "outside",
    ),
    "folders without end": (
        lambda: _tar(_extended(_record(b"path", b"a/" * 2000 + b"b")), _member(b"a", b"x")),
        "more than 100 folders",
    ),
    "name that is no text": (lambda: _tar(_member(b"\xff\xfe", b"x")), "not in UTF-8"),
    "no tar": (lambda: gzip.compress(b"hello" * 200), "a number in a header is none"),
    "no gzip": (lambda: b"hello" * 200, "Not a gzipped file"),
    "empty": (lambda: b"", "it ends early"),
    "cut off": (lambda: _tar(_member(b"a", bytes(range(256)) * 4000))[:-300], "ended before"),
}


def _zip(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", method) as file:
        for name, content in members:
            file.writestr(name, content)
    return archive.getvalue()


def _lying(method: int) -> bytes:
    """Return an archive whose one member unpacks to 120 MB and is stated to have 1,000 bytes."""
    content = bytearray(_zip(("a", bytes(_BOMB)), method=method))
    for at in (22, content.rfind(b"PK\1\2") + 24):
        struct.pack_into("<L", content, at, 1000)
    return bytes(content)


def _flagged() -> bytes:
    content = bytearray(_zip(("a", b"x")))
    for at in (6, content.rfind(b"PK\1\2") + 8):
        content[at] |= 1
    return bytes(content)


def _endless_list(record: bytes) -> bytes:
    """Return 200,000 entries of a list of members, and no member."""
    entry = struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"
    return entry * 200_000 + record


def _end(size: int) -> bytes:
    return struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, size, 0, 0)


def _end_64(size: int) -> bytes:
    record = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, size, 0)
    return record + struct.pack("<4sLQL", b"PK\6\7", 0, size, 1)


_LIST_BYTES = 47 * 200_000
ZIPS: dict[str, tuple[Callable[[], bytes], str]] = {
    "bomb": (lambda: _zip(("a", bytes(_BOMB))), "unpacks to more than"),
    "many bombs": (lambda: _zip(*((str(n), bytes(3 * _MEGABYTE)) for n in range(30))), "unpacks to more than"),
    "size that lies": (lambda: _lying(zipfile.ZIP_DEFLATED), "Bad CRC-32"),
    "bzip2 that lies": (lambda: _lying(zipfile.ZIP_BZIP2), "another method"),
    "lzma": (lambda: _zip(("a", b"x"), method=zipfile.ZIP_LZMA), "another method"),
    "encrypted": (_flagged, "encrypted"),
    "list without end": (lambda: _endless_list(_end(_LIST_BYTES)), "its list of members"),
    "list of zip64 without end": (lambda: _endless_list(_end_64(_LIST_BYTES) + _end(47)), "its list of members"),
    "members without end": (lambda: _zip(*((str(n), b"") for n in range(41_000))), "more than 40000 members"),
    "file and folder": (lambda: _zip(("a", b"x"), ("a/b", b"y")), "a file and a folder as well"),
    "damaged": (lambda: _zip(("a", b"x" * 1000)).replace(zlib.compress(b"x" * 1000)[2:12], b"\xff" * 10), "error"),
    "cut off": (lambda: _zip(("a", b"x" * 1000))[:-10], "not a zip file"),
    "no zip": (lambda: b"hello", "not a zip file"),
    "empty": (lambda: b"", "not a zip file"),
}


def damaged_tar(seed: int) -> bytes:
    """Return a sound tar with some of its bytes changed, packed soundly."""

    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name in ("a" * 120, "b/c", "\N{SNOWMAN}"):
            member = tarfile.TarInfo(name)
            member.size = 700
            tar.addfile(member, io.BytesIO(b"x" * 700))
    dice, data = random.Random(seed), bytearray(content.getvalue())
    for _ in range(dice.randint(1, 4)):
        data[dice.randrange(len(data))] = dice.randrange(256)
    return gzip.compress(bytes(data))
