"""Objects in S3: list them, read them within a cap, read one as a seekable file, write JSON."""

import itertools
import json
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError

from datasets.ranged import BLOCK_BYTES, RangedFile
from handlers import aws
from handlers.contract.errors import AwsConditionError, AwsUnavailableError, DatasetChangedError, RetrieverError

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import ObjectTypeDef, ObjectVersionTypeDef

_TRIES = 3


@dataclass(frozen=True, order=True)
class S3Object:
    key: str
    size: int
    etag: str  # without the quotes that S3 puts around it
    modified_at: str = ""  # ISO 8601 in UTC, by S3's clock


def split_uri(s3_uri: str) -> tuple[str, str]:
    """Return bucket and key of `s3://bucket/key`."""
    scheme, _, rest = s3_uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not bucket:
        raise ValueError(f"S3 URI: {s3_uri!r}; expected s3://BUCKET/KEY")
    return bucket, key


def list_objects(bucket: str, prefix: str) -> Iterator[S3Object]:
    """Yield every object under `prefix`, folder markers included, in S3's order."""
    pages = aws.s3().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    for page in pages:
        for entry in page.get("Contents", []):
            yield _listed(entry)


def list_changes(bucket: str, prefix: str) -> Iterator[tuple[S3Object, bool]]:
    """Yield the last that happened to each key under `prefix`: the object, and True, or when it was deleted, and False.

    Only a bucket that keeps versions knows of what was deleted; earlier versions are passed over.
    """
    pages = aws.s3().get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
    for page in pages:
        for entry in page.get("Versions", []):
            if entry["IsLatest"]:
                yield _listed(entry), True
        for marker in page.get("DeleteMarkers", []):
            if marker["IsLatest"]:
                yield S3Object(marker["Key"], 0, "", _utc(marker["LastModified"])), False


def level(bucket: str, prefix: str, max_pages: int) -> tuple[list[S3Object], list[str]]:
    """Return the objects directly below `prefix` and the folders there, ending in "/"; a page has a thousand of both.

    What lies in the folders is not listed, however much it is.
    """
    objects: list[S3Object] = []
    folders: list[str] = []
    pages = aws.s3().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, Delimiter="/")
    for page in itertools.islice(pages, max_pages):
        objects += map(_listed, page.get("Contents", []))
        folders += (entry["Prefix"] for entry in page.get("CommonPrefixes", []))
    return objects, folders


def _listed(entry: "ObjectTypeDef | ObjectVersionTypeDef") -> S3Object:
    return S3Object(entry["Key"], entry["Size"], entry["ETag"].strip('"'), _utc(entry["LastModified"]))


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds")


def head(bucket: str, key: str) -> S3Object:
    """Return size and ETag of one object.

    Raises:
        AwsNotFoundError: there is no such object.
    """
    answer = aws.s3().head_object(Bucket=bucket, Key=key)
    return S3Object(key, answer["ContentLength"], answer["ETag"].strip('"'), _utc(answer["LastModified"]))


def read(bucket: str, key: str, max_bytes: int) -> bytes:
    """Return the object's bytes.

    Raises:
        RetrieverError: it is larger than `max_bytes`.
    """
    stored = head(bucket, key)
    if stored.size > max_bytes:
        raise RetrieverError(f"object 's3://{bucket}/{key}' has {stored.size} bytes; at most {max_bytes} are read")
    return SeekableObject(bucket, stored).read() if stored.size else b""


def write_json(bucket: str, key: str, value: Any) -> str:
    """Write `value` as JSON and return the object's URI."""
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    return write(bucket, key, body, "application/json")


def write(bucket: str, key: str, body: bytes, content_type: str) -> str:
    """Write `body` and return the object's URI."""
    aws.s3().put_object(Bucket=bucket, Key=key, Body=body, ContentType=content_type)
    return f"s3://{bucket}/{key}"


def write_pieces(bucket: str, key: str, pieces: Iterable[bytes], content_type: str) -> str:
    """Write an object that is made piece by piece, kept on disk meanwhile, and return its URI.

    Raises:
        RetrieverError: it is larger than the disk.
    """
    with tempfile.SpooledTemporaryFile(max_size=BLOCK_BYTES) as body:
        try:
            for piece in pieces:  # `writelines` would leave memory for the disk only at its end
                body.write(piece)
        except OSError as error:
            raise RetrieverError(
                f"object 's3://{bucket}/{key}' does not fit on the function's disk: {error}; give it more "
                "EphemeralStorage in template.yaml"
            ) from error
        body.seek(0)
        aws.s3().put_object(Bucket=bucket, Key=key, Body=body, ContentType=content_type)
    return f"s3://{bucket}/{key}"


def json_pieces(values: Iterable[Any]) -> Iterator[bytes]:
    """Yield a JSON array of `values`, of which one is in memory at a time."""
    yield b"["
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
    for number, value in enumerate(values):
        yield f"{',' * bool(number)}{encode(value)}".encode()
    yield b"]"


class SeekableObject(RangedFile):
    """An S3 object as a read-only file.

    Every block is asked for by ETag, so that a file is never put together from two versions of an object.
    """

    def __init__(self, bucket: str, source: S3Object) -> None:
        super().__init__(source.size)
        self.source = source
        self._bucket = bucket

    def fetch(self, first: int, last: int) -> bytes:
        for attempt in range(1, _TRIES + 1):
            try:
                answer = aws.s3().get_object(
                    Bucket=self._bucket,
                    Key=self.source.key,
                    Range=f"bytes={first}-{last}",
                    IfMatch=f'"{self.source.etag}"',
                )
                return answer["Body"].read()
            except AwsConditionError as error:
                raise DatasetChangedError(
                    f"object 's3://{self._bucket}/{self.source.key}' changed while it was read; upload it once more"
                ) from error
            except BotoCoreError as error:  # the connection broke inside the body, which botocore does not retry
                if attempt == _TRIES:
                    raise AwsUnavailableError(
                        f"object 's3://{self._bucket}/{self.source.key}': {error}; start again", operation="GetObject"
                    ) from error
        raise AssertionError("unreachable: the last attempt returns or raises")
