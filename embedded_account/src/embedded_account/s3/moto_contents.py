"""S3: contents on disk where moto would keep them in memory, once or several times over; listings copy none of them."""

import base64
import hashlib
import io
import threading
import zlib
from collections.abc import Iterator
from itertools import chain
from typing import Any

from moto.s3.exceptions import EntityTooSmall, InvalidPart, MalformedXML
from moto.s3.models import FakeKey, FakeMultipart, MultipartChecksumBuilder
from moto.settings import S3_UPLOAD_PART_MIN_SIZE

from embedded_account.s3.disk import Disk, DiskBuffer, StoredFile, blocks_of_key
from embedded_account.wiring.replacement import replace


def install(disk: Disk) -> None:
    """Keep on `disk` what it takes, and join the parts of an upload there."""
    value: Any = vars(FakeKey)["value"]
    assert isinstance(value, property), "moto's FakeKey.value is no property any more; was moto upgraded?"
    set_in_memory: Any = value.fset

    def set_value(self: Any, content: Any) -> None:
        content = content.encode() if isinstance(content, str) else content
        if not disk.takes(content):
            set_in_memory(self, content)
            return
        self._value_buffer.close()
        self._value_buffer = disk.buffer(content)
        self.contentsize = len(content)

    def complete(self: Any, body: Iterator[tuple[int, str]]) -> tuple[StoredFile, str, Any]:
        parts = [_checked_part(self, number, etag) for number, etag in body]
        if not parts:
            raise MalformedXML
        for part in parts[:-1]:
            if part.contentsize < S3_UPLOAD_PART_MIN_SIZE:
                raise EntityTooSmall
        joined = disk.store(chain.from_iterable(blocks_of_key(part) for part in parts))
        digests = b"".join(bytes.fromhex(part.etag.strip('"')) for part in parts)
        checksum = _checksum(self.metadata, parts, joined)
        for part in parts:
            part.dispose()
        return joined, f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(parts)}", checksum

    # The state folder pickles objects: it does not need the content that is on disk.
    def get_state(self: Any) -> Any:
        if not isinstance(self._value_buffer, DiskBuffer):
            return state_in_memory(self)
        return {name: member for name, member in self.__dict__.items() if name != "lock"}

    def set_state(self: Any, state: dict[str, Any]) -> None:
        if "value" in state:
            take_state_in_memory(self, state)
            return
        self.__dict__.update(state)
        self.lock = threading.Lock()

    def listed(self: Any, _memo: dict[int, Any]) -> Any:
        """Return what moto lists of an object, without its content, which would end with the copy."""
        assert self.etag  # kept from now on: nothing tells it without the content
        copied = object.__new__(type(self))
        copied.__dict__.update(self.__dict__, _value_buffer=io.BytesIO(), multipart=None, disposed=True)
        return copied

    FakeKey.__deepcopy__ = listed  # type: ignore[attr-defined]  # versions are listed by copies of all
    setattr(FakeKey, "value", property(value.fget, set_value))  # noqa: B010 (mypy sees a property)
    replace(FakeMultipart, "complete", complete, parameters=("self", "body"))
    state_in_memory = replace(FakeKey, "__getstate__", get_state, parameters=("self",))
    take_state_in_memory = replace(FakeKey, "__setstate__", set_state, parameters=("self", "state"))


def _checked_part(upload: Any, number: int, etag: str) -> Any:
    part = upload.parts.get(number)
    if part is None or part.etag.strip('"') != etag.strip('"'):
        raise InvalidPart
    return part


def _checksum(metadata: Any, parts: list[Any], joined: StoredFile) -> tuple[str, str, int] | None:
    """Return the type, the value and the number of parts of the checksum that was asked for, if any was."""
    algorithm, kind = metadata.get("x-amz-checksum-algorithm"), metadata.get("x-amz-checksum-type")
    if not algorithm:
        return None
    if algorithm == "CRC32":
        if kind == "FULL_OBJECT":
            return kind, _encoded(joined.crc32), 1
        each = b"".join(_crc32(part).to_bytes(4, "big") for part in parts)
        return "COMPOSITE", _encoded(zlib.crc32(each)), len(parts)
    builder = MultipartChecksumBuilder(algorithm, kind)
    for part in parts:
        builder.addPart(b"".join(blocks_of_key(part)))
    built: tuple[str, str, int] | None = builder.build()
    return built


def _crc32(part: Any) -> int:
    checksum = 0
    for block in blocks_of_key(part):
        checksum = zlib.crc32(block, checksum)
    return checksum


def _encoded(checksum: int) -> str:
    return base64.b64encode(checksum.to_bytes(4, "big")).decode()
