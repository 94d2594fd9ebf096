"""The form by which a browser uploads a file: its fields, and the file that comes after them.

Source: Amazon S3 API reference, "POST Object"; RFC 7578.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Any

from werkzeug.http import parse_options_header
from werkzeug.sansio import multipart

from embedded_account.iam.s3_answers import S3Error, missing_field

MAX_FIELDS_BYTES = 20_480
_IN_MEMORY_BYTES = 1 << 20
_CHUNK_BYTES = 1 << 16


@dataclass(frozen=True)
class Form:
    """Fields by their names in lower case, as what stands behind the file does not count; `file` is at its start."""

    fields: Mapping[str, str]
    file: IO[bytes] | None
    file_name: str | None
    num_bytes: int

    @property
    def key(self) -> str:
        """The key of the object: ${filename} stands for the name of the file, where it has one.

        Raises:
            S3Error: the form has no key.
        """
        if "key" not in self.fields:
            raise missing_field("key")
        if self.file_name is None:
            return self.fields["key"]
        return self.fields["key"].replace("${filename}", self.file_name.replace("\\", "/").rpartition("/")[2])


def is_form(environ: Mapping[str, Any]) -> bool:
    """Return whether a request is a browser's upload, whose signature is in its body."""
    is_multipart = environ.get("CONTENT_TYPE", "").lower().startswith("multipart/form-data")
    return environ["REQUEST_METHOD"] == "POST" and is_multipart and "HTTP_AUTHORIZATION" not in environ


def read_form(environ: Mapping[str, Any]) -> Form:
    """Return the form that is the body of a request.

    Raises:
        S3Error: it is none, or its fields are too large.
    """
    if "CONTENT_LENGTH" not in environ or environ.get("wsgi.input_terminated"):
        raise S3Error("MissingContentLength", "You must provide the Content-Length HTTP header.")
    boundary = parse_options_header(environ.get("CONTENT_TYPE", ""))[1].get("boundary", "")
    reader = _Reader(environ["wsgi.input"], int(environ["CONTENT_LENGTH"] or 0), boundary)
    try:
        return reader.read()
    except ValueError as error:
        message = "The body of your POST request is not well-formed multipart/form-data."
        raise S3Error("MalformedPOSTRequest", message) from error


class _Reader:
    """Reads one body, and holds no more of a large file than a chunk."""

    def __init__(self, body: Any, size: int, boundary: str) -> None:
        self._body, self._left = body, size
        self._decoder = multipart.MultipartDecoder(boundary.encode())
        self._fields: dict[str, str] = {}
        self._num_field_bytes = 0

    def read(self) -> Form:
        while isinstance(event := self._next(), multipart.Field | multipart.File):
            name = (event.name or "").lower()
            if name == "file":
                return self._form(event.filename if isinstance(event, multipart.File) else None)
            self._fields.setdefault(name, b"".join(self._contents(counted=True)).decode("utf-8", "replace"))
        return Form(self._fields, None, None, 0)

    def _form(self, file_name: str | None) -> Form:
        file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115 - whoever stores it closes it
        for data in self._contents(counted=False):
            file.write(data)
        size = file.tell()
        file.seek(0)
        while self._left:  # what is behind the file
            self._chunk()
        return Form(self._fields, file, file_name, size)

    def _contents(self, *, counted: bool) -> Any:
        """Yield the data of the part that has begun."""
        while True:
            event = self._next()
            if not isinstance(event, multipart.Data):
                raise ValueError("a part ends without a boundary")  # noqa: TRY004 - the body is wrong, no argument
            self._num_field_bytes += len(event.data) if counted else 0
            if self._num_field_bytes > MAX_FIELDS_BYTES:
                message = "Your POST request fields preceding the upload file were too large."
                raise S3Error("MaxPostPreDataLengthExceeded", message, {"MaxPostPreDataLength": str(MAX_FIELDS_BYTES)})
            yield event.data
            if not event.more_data:
                return

    def _next(self) -> multipart.Event:
        """Return what comes next in the body, other than what stands before its first part.

        Raises:
            ValueError: the body is no form, or ends too early.
        """
        while True:
            event = self._decoder.next_event()
            if isinstance(event, multipart.NeedData):
                self._decoder.receive_data(self._chunk() or None)
            elif not isinstance(event, multipart.Preamble):
                return event

    def _chunk(self) -> bytes:
        chunk: bytes = self._body.read(min(self._left, _CHUNK_BYTES))
        self._left = self._left - len(chunk) if chunk else 0
        return chunk
