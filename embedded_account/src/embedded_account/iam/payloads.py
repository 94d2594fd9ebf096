"""The body of a request to S3 against what its headers say of it: its hash, its chunks' signatures, its checksum.

The body is checked while whoever carries the request out reads it, so that a large one is never held in memory: the
last read fails, before anything is stored.
Source: Amazon S3 API reference, "Authenticating Requests: Using the Authorization Header" and "Signature Calculations
for the Authorization Header: Transferring Payload in Multiple Chunks".
"""

import base64
import hashlib
import hmac
import re
import zlib
from collections.abc import Iterator, Mapping
from typing import IO, Any, Protocol

from embedded_account.errors import ServiceError
from embedded_account.iam.signatures import Signature, signing_key

_UNSIGNED = frozenset({"UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"})
_SIGNED_CHUNKS = frozenset({"STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"})
_HASH = re.compile(r"[0-9a-f]{64}")
_CHUNK = re.compile(rb"([0-9a-fA-F]{1,16})(?:;chunk-signature=([0-9a-f]{64}))?")
_EMPTY_HASH = hashlib.sha256(b"").hexdigest()
_LONGEST_LINE = 4096
_MISMATCH = "The provided 'x-amz-content-sha256' header does not match what was computed."
_INVALID = (
    "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER,"
    " STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value."
)


class _Check(Protocol):
    def feed(self, block: bytes) -> None:
        """Take the next bytes of the body."""

    def finish(self) -> None:
        """Raise ServiceError unless the body was what the headers say."""


class CheckedBody:
    """A body that is checked while it is read; `refusal` is why it is refused, once it is."""

    def __init__(self, stream: IO[bytes], size: int | None, check: _Check) -> None:
        self.refusal: ServiceError | None = None
        self._stream = stream
        self._left = size
        self._check = check

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes, by default all.

        Raises:
            ServiceError: the body has ended, and is not what the headers say.
        """
        if self._left is not None and not 0 <= size <= self._left:
            size = self._left
        block = self._stream.read(size)
        self._note(block, is_last=not block or size < 0)
        return block

    def readline(self, size: int = -1) -> bytes:
        """Return the next line, or as much of it as `size` allows."""
        line = self._stream.readline(size)
        self._note(line, is_last=not line)
        return line

    def __iter__(self) -> Iterator[bytes]:
        while line := self.readline():
            yield line

    def _note(self, block: bytes, *, is_last: bool) -> None:
        if self._left is not None:
            self._left -= len(block)
            is_last = self._left == 0
        try:
            self._check.feed(block)
            if is_last:
                self._check.finish()
        except ServiceError as refusal:
            self.refusal = refusal
            raise


def check_body(environ: dict[str, Any], secret: str, signature: Signature | None) -> CheckedBody | None:
    """Put a checking body into the request in `environ`; return it, or None where the headers say nothing of it.

    Raises:
        ServiceError: what the headers say is no hash and no known word.
    """
    stated = environ.get("HTTP_X_AMZ_CONTENT_SHA256", "")
    if not stated or stated == "UNSIGNED-PAYLOAD":
        return None
    check: _Check
    if stated in _SIGNED_CHUNKS or stated in _UNSIGNED:
        chain = _Signatures(secret, signature) if stated in _SIGNED_CHUNKS and signature else None
        check = _Chunks(chain, environ)
    elif _HASH.fullmatch(stated):
        check = _Hash(stated)
    else:
        raise ServiceError("InvalidArgument", _INVALID)
    size = int(environ["CONTENT_LENGTH"]) if environ.get("CONTENT_LENGTH") else None
    if size is None and not environ.get("wsgi.input_terminated"):
        size = 0
    if size == 0:
        check.finish()  # nobody reads a body that is not there
        return None
    body = CheckedBody(environ["wsgi.input"], size, check)
    environ["wsgi.input"] = body
    return body


class _Hash:
    """The whole body has the SHA-256 that the request was signed with."""

    def __init__(self, stated: str) -> None:
        self._stated = stated
        self._hash = hashlib.sha256()

    def feed(self, block: bytes) -> None:
        self._hash.update(block)

    def finish(self) -> None:
        if self._hash.hexdigest() != self._stated:
            raise ServiceError("XAmzContentSHA256Mismatch", _MISMATCH)


class _Signatures:
    """The chain of signatures: each chunk's covers the one before it."""

    def __init__(self, secret: str, signature: Signature) -> None:
        self._key = signing_key(secret, signature.date, signature.region, signature.service)
        scope = f"{signature.date}/{signature.region}/{signature.service}/aws4_request"
        self._head = f"{signature.amz_date}\n{scope}"
        self._previous = signature.value

    def of_chunk(self, content_hash: str) -> str:
        """Return the signature of the next chunk, whose data have `content_hash`."""
        return self._next("AWS4-HMAC-SHA256-PAYLOAD", f"{_EMPTY_HASH}\n{content_hash}")

    def of_trailer(self, lines: bytes) -> str:
        """Return the signature of the trailing headers."""
        return self._next("AWS4-HMAC-SHA256-TRAILER", hashlib.sha256(lines).hexdigest())

    def _next(self, algorithm: str, hashes: str) -> str:
        text = f"{algorithm}\n{self._head}\n{self._previous}\n{hashes}"
        self._previous = hmac.digest(self._key, text.encode(), "sha256").hex()
        return self._previous


class _Chunks:
    """A body in aws-chunked encoding: sizes, signatures where there are any, and the checksum in the trailer."""

    def __init__(self, signatures: _Signatures | None, environ: Mapping[str, Any]) -> None:
        self._signatures = signatures
        self._wanted = int(environ.get("HTTP_X_AMZ_DECODED_CONTENT_LENGTH") or 0)
        names = [name.strip().lower() for name in environ.get("HTTP_X_AMZ_TRAILER", "").split(",") if name.strip()]
        self._checksums = {name: _CHECKSUMS[name]() for name in names if name in _CHECKSUMS}
        self._trailer_names = set(names)
        self._trailer: dict[str, str] = {}
        self._line = b""
        self._state = "size"
        self._left = self._num_decoded = 0
        self._hash, self._stated = hashlib.sha256(), ""

    def feed(self, block: bytes) -> None:
        view = memoryview(block)
        while view:
            view = view[self._take_data(view) if self._state == "data" else self._take_line(bytes(view)) :]

    def finish(self) -> None:
        if self._state != "end" and self._line.strip():
            self._end_line(self._line)
        if self._state not in ("trailer", "end") or self._num_decoded != self._wanted:
            raise ServiceError("IncompleteBody", "The request body terminated unexpectedly")
        missing = sorted(self._trailer_names - set(self._trailer))
        if missing:
            raise ServiceError("MalformedTrailerError", f"The trailer {missing[0]} is announced and not there.")
        for name, checksum in self._checksums.items():
            if checksum.value() != self._trailer[name]:
                what = name.removeprefix("x-amz-checksum-").upper()
                raise ServiceError("BadDigest", f"The {what} you specified did not match the calculated checksum.")

    def _take_data(self, view: memoryview) -> int:
        data = view[: self._left]
        self._hash.update(data)
        for checksum in self._checksums.values():
            checksum.update(data)
        self._left -= len(data)
        self._num_decoded += len(data)
        if not self._left:
            self._check_chunk()
            self._state = "after data"
        return len(data)

    def _take_line(self, rest: bytes) -> int:
        end = rest.find(b"\n")
        taken = rest if end < 0 else rest[: end + 1]
        self._line += taken
        if len(self._line) > _LONGEST_LINE:
            raise ServiceError("IncompleteBody", "The request body terminated unexpectedly")
        if end >= 0:
            line, self._line = self._line, b""
            self._end_line(line)
        return len(taken)

    def _end_line(self, line: bytes) -> None:
        text = line.strip()
        if self._state == "after data":
            self._state = "size"
        elif self._state == "size":
            self._begin_chunk(text)
        elif self._state == "trailer" and text:
            self._take_trailer(text.decode("latin-1"))

    def _begin_chunk(self, line: bytes) -> None:
        match = _CHUNK.fullmatch(line)
        if match is None or bool(match[2]) != bool(self._signatures):
            raise ServiceError("IncompleteBody", "The request body terminated unexpectedly")
        self._left, self._stated = int(match[1], 16), (match[2] or b"").decode()
        self._hash = hashlib.sha256()
        self._state = "data" if self._left else "trailer"
        if not self._left:
            self._check_chunk()

    def _check_chunk(self) -> None:
        if self._signatures and self._signatures.of_chunk(self._hash.hexdigest()) != self._stated:
            raise _does_not_match()

    def _take_trailer(self, line: str) -> None:
        name, _, value = line.partition(":")
        if name.lower() != "x-amz-trailer-signature":
            self._trailer[name.lower()] = value.strip()
            return
        lines = "".join(f"{key}:{text}\n" for key, text in self._trailer.items())
        if self._signatures and self._signatures.of_trailer(lines.encode()) != value.strip():
            raise _does_not_match()


class _Crc32:
    """CRC32 as S3 writes it: four bytes, the highest first, in base64."""

    def __init__(self) -> None:
        self._checksum = 0

    def update(self, data: memoryview) -> None:
        self._checksum = zlib.crc32(data, self._checksum)

    def value(self) -> str:
        return base64.b64encode(self._checksum.to_bytes(4, "big")).decode()


class _Digest:
    """A digest in base64."""

    def __init__(self, name: str) -> None:
        self._hash = hashlib.new(name, usedforsecurity=False)

    def update(self, data: memoryview) -> None:
        self._hash.update(data)

    def value(self) -> str:
        return base64.b64encode(self._hash.digest()).decode()


# CRC32C and CRC64NVME are not in the standard library; they are taken as they are.
_CHECKSUMS: dict[str, Any] = {
    "x-amz-checksum-crc32": _Crc32,
    "x-amz-checksum-sha1": lambda: _Digest("sha1"),
    "x-amz-checksum-sha256": lambda: _Digest("sha256"),
}


def _does_not_match() -> ServiceError:
    return ServiceError(
        "SignatureDoesNotMatch",
        "The request signature we calculated does not match the signature you provided. Check your key and signing"
        " method.",
    )
