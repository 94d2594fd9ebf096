"""Sound archives with seeded damage, as a transmission or an attacker would do it."""

import gzip
import random
import struct
from functools import cache

from tests.datasets.crafting import blocks, pax, record, tar_header, tar_member
from tests.handlers.packing import tar, zipped

_FILES = {f"train/{name}/{i}.jpg": f"{name} {i} ".encode() * 20 for name in ("rose", "tulip") for i in range(4)}
_EXTREMES = (0, 1, 0x7F, 0xFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 2**63 - 1, 2**64 - 1)


@cache
def _sound(suffix: str) -> bytes:
    if suffix == ".zip":
        return zipped(_FILES)
    long_name = tar_member(b"././@LongLink", b"train/rose/" + b"l" * 120 + b".jpg\0", b"L") + tar_member()
    records = pax([record(b"path", b"train/tulip/p.jpg"), record(b"size", b"3"), record(b"mtime", b"1.5")])
    return long_name + records + tar_header(size=1) + blocks(b"123") + tar(_FILES)


def mutated(suffix: str, seed: int) -> bytes:
    """Return a damaged archive; of a tar.gz it is the tar that is damaged, and every fifth time the gzip file."""
    chance = random.Random(f"{suffix}{seed}")
    content = bytearray(_sound(suffix))
    if suffix == ".tar.gz" and seed % 5 == 0:
        content = bytearray(gzip.compress(bytes(content), mtime=0))
    for _ in range(chance.randint(1, 4)):
        _damage(content, chance)
    is_tar = suffix != ".zip" and not content.startswith(b"\x1f\x8b")
    if is_tar and chance.random() < 0.7:
        _mend_checksums(content)
    return gzip.compress(bytes(content), mtime=0) if is_tar and suffix == ".tar.gz" else bytes(content)


def _damage(content: bytearray, chance: random.Random) -> None:
    at = chance.randrange(max(1, len(content)))
    kind = chance.choice(("flip", "number", "digits", "cut", "double", "truncate", "nothing"))
    if kind == "flip":
        content[at : at + 1] = bytes([chance.randrange(256)])
    elif kind == "number":
        size = chance.choice((2, 4, 8))
        content[at : at + size] = struct.pack("<Q", chance.choice(_EXTREMES))[:size]
    elif kind == "digits":
        content[at : at + 12] = b"77777777777\0"
    elif kind == "cut":
        del content[at : at + chance.randint(1, 600)]
    elif kind == "double":
        content[at:at] = content[at : at + chance.randint(1, 600)]
    elif kind == "truncate":
        del content[at:]


def _mend_checksums(content: bytearray) -> None:
    """Give every block that looks like a header the checksum that it should have."""
    for at in range(0, len(content) - 511, 512):
        if content[at + 257 : at + 262] == b"ustar":
            content[at + 148 : at + 156] = b" " * 8
            content[at + 148 : at + 156] = b"%06o\0 " % sum(content[at : at + 512])
