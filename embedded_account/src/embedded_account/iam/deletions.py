"""DeleteObjects key by key: what the caller may not delete is an error of that key, and the rest is deleted.

Source: Amazon S3 API reference, DeleteObjects: Error elements of the result.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from moto.core.exceptions import ServiceException

_OBJECT = re.compile(rb"<Object>.*?</Object>", re.DOTALL)
_NAMED = re.compile(rb"<(?:Key|VersionId)>.*?</(?:Key|VersionId)>", re.DOTALL)
_START = b'<?xml version="1.0" encoding="UTF-8"?>\n<DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
_END = b"</DeleteResult>"


@dataclass(frozen=True)
class Deletion:
    """A request's body without the keys that are refused, and their errors; no body where none is left."""

    body: bytes
    errors: bytes

    def completed(self, answer: Iterable[bytes]) -> bytes:
        """Return the answer to what was carried out, with the errors of what was not."""
        before, end, name = b"".join(answer).rpartition(b"</")
        return before + self.errors + end + name

    def refused(self) -> bytes:
        """Return the answer where nothing is left to carry out."""
        return _START + self.errors + _END


def split(body: bytes, refusals: Sequence[ServiceException | None]) -> Deletion:
    """Return `body` by what became of its objects: each is refused, or None stands in its place."""
    objects = _OBJECT.findall(body)
    kept, errors = body, b""
    for element, refusal in zip(objects, refusals, strict=True):
        if refusal is not None:
            kept = kept.replace(element, b"", 1)
            errors += b"<Error>" + b"".join(_NAMED.findall(element)) + _described(refusal) + b"</Error>"
    return Deletion(kept if None in refusals else b"", errors)


def _described(refusal: ServiceException) -> bytes:
    return f"<Code>{refusal.code}</Code><Message>Access Denied</Message>".encode()
