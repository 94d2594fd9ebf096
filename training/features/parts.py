"""Parts of a job's work on disk: written whole or not at all, checked when read, named after what they depend on.

A file is one line of JSON (identity, content, the arrays' shapes, SHA-256), padded, and the bytes of the arrays. A job
that was interrupted finds those of its parts that were finished, and computes the rest. Arrays are mapped into memory:
what is read of them takes none that the machine cannot have back.
"""

import hashlib
import json
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.errors import FeaturesError

FORMAT = 1
_PARTIAL, _SUFFIX = ".partial", ".part"
_ALIGNED = 64  # bytes
_MAX_HEADER_BYTES = 64 * 2**20
_KEY_CHARACTERS = 32

Identity = Mapping[str, Any]
Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Part:
    """A finished part."""

    path: Path
    content: dict[str, Any]
    places: dict[str, tuple[str, list[int], int]]  # of each array: dtype, shape, and where it begins

    def array(self, name: str) -> NDArray[Any]:
        """Return an array of the part, mapped from its file."""
        dtype, shape, start = self.places[name]
        if 0 in shape:  # nothing can be mapped
            return np.empty(shape, dtype)
        return np.asarray(np.memmap(self.path, dtype, "r", start, tuple(shape)))


@dataclass(frozen=True)
class PartFolder:
    """The parts of one job, in a folder of their own."""

    folder: Path

    def find(self, identity: Identity) -> Part | None:
        """Return the part of `identity` if it is there and whole."""
        path = self.folder / _name(identity)
        try:
            return _read(path, identity)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError):  # cut short by a full disk, or changed: it is made again
            path.unlink(missing_ok=True)
            return None

    def save(self, identity: Identity, encoded: bytes) -> Part:
        """Keep what `encode` returned, here or in another process.

        Raises:
            FeaturesError: it is not the part of `identity`, or was damaged on its way.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / _name(identity)
        partial = path.with_name(path.name + _PARTIAL)
        partial.write_bytes(encoded)
        try:
            _read(partial, identity)
        except (ValueError, KeyError, TypeError) as error:
            raise FeaturesError(f"part {path.name!r} came damaged: {error}; run the job again") from error
        partial.replace(path)
        return _read(path, identity, is_checked=True)

    def remove(self) -> None:
        """Remove all parts: what was made of them is complete."""
        with suppress(OSError):
            shutil.rmtree(self.folder)


def encode(identity: Identity, content: Mapping[str, Any], arrays: Arrays) -> bytes:
    """Return a part as the bytes of its file."""
    payload = b"".join(_padded(np.ascontiguousarray(array).tobytes()) for array in arrays.values())
    places, start = {}, 0
    for name, array in arrays.items():
        places[name] = [array.dtype.str, list(array.shape), start]
        start += -(-array.nbytes // _ALIGNED) * _ALIGNED
    header = {"format": FORMAT, "identity": identity, "content": content, "arrays": places, "num_bytes": len(payload)}
    line = _canonical(header | {"sha256": _checksum(header, payload)})
    return _padded(line + b"\n", b" ") + payload


def _read(path: Path, identity: Identity, *, is_checked: bool = False) -> Part:
    with open(path, "rb") as file:
        line = file.readline(_MAX_HEADER_BYTES)
        header = json.loads(line)
        start = -(-len(line) // _ALIGNED) * _ALIGNED
        if header["format"] != FORMAT or _canonical(header["identity"]) != _canonical(identity):
            raise ValueError("it is of another job")
        if not is_checked:
            file.seek(start)
            _check(header, file.read())
    places = {name: (dtype, shape, start + at) for name, (dtype, shape, at) in header["arrays"].items()}
    return Part(path, header["content"], places)


def _check(header: dict[str, Any], payload: bytes) -> None:
    sha256 = header.pop("sha256")
    if len(payload) != header["num_bytes"]:
        raise ValueError(f"it holds {len(payload)} of {header['num_bytes']} bytes")
    if _checksum(header, payload) != sha256:
        raise ValueError("its checksum is wrong")


def _checksum(header: Mapping[str, Any], payload: bytes) -> str:
    digest = hashlib.sha256(_canonical(header))
    digest.update(payload)
    return digest.hexdigest()


def _name(identity: Identity) -> str:
    return hashlib.sha256(_canonical(identity)).hexdigest()[:_KEY_CHARACTERS] + _SUFFIX


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _padded(data: bytes, filler: bytes = b"\0") -> bytes:
    return data + filler * (-len(data) % _ALIGNED)
