"""Objects of S3, where a job reads or writes them itself: an archive through ranges, and a folder file by file."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from datasets.ranged import RangedFile
from datasets.staging import Staged
from training.errors import TrainingError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_TRIES = 5


class ObjectChangedError(TrainingError):
    """The object is another one than when it was first looked at."""


def s3_client(connections: int = 10) -> "S3Client":
    """Return a client; boto3 is in SageMaker's container, and imported where it is used."""
    import boto3
    from botocore.config import Config

    config = Config(max_pool_connections=connections, retries={"mode": "standard", "total_max_attempts": _TRIES})
    return boto3.client("s3", config=config)


class ObjectFile(RangedFile):
    """An object as a read-only file; every block is asked for by ETag, so that it is never put together from two."""

    def __init__(self, s3_uri: str, etag: str) -> None:
        self._bucket, self.key = _parts(s3_uri)
        self._etag, self._s3 = etag, s3_client()
        super().__init__(self._answer("head_object")["ContentLength"])

    def fetch(self, first: int, last: int) -> bytes:
        from botocore.exceptions import BotoCoreError

        for _ in range(_TRIES - 1):
            try:
                return self._read(first, last)
            except BotoCoreError:  # the connection broke inside the body, which botocore does not retry
                continue
        return self._read(first, last)

    def _read(self, first: int, last: int) -> bytes:
        content: bytes = self._answer("get_object", Range=f"bytes={first}-{last}")["Body"].read()
        return content

    def _answer(self, operation: str, **more: str) -> Any:
        from botocore.exceptions import ClientError

        try:
            return getattr(self._s3, operation)(Bucket=self._bucket, Key=self.key, IfMatch=f'"{self._etag}"', **more)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 412:
                raise
            raise ObjectChangedError(
                f"object 's3://{self._bucket}/{self.key}' changed while it was read; upload it once more"
            ) from error


class ObjectFolder:
    """What lies below a prefix that ends in "/"; so many threads may put into it at a time."""

    def __init__(self, s3_uri: str, num_threads: int) -> None:
        self._bucket, self._prefix = _parts(s3_uri)
        self._s3 = s3_client(num_threads)

    def files(self) -> Iterator[Staged]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix)
        for entry in (entry for page in pages for entry in page.get("Contents", [])):
            yield Staged(entry["Key"].removeprefix(self._prefix), entry["Size"], entry["LastModified"])

    def put(self, path: str, content: bytes) -> None:
        self._s3.put_object(Bucket=self._bucket, Key=self._prefix + path, Body=content)


def _parts(s3_uri: str) -> tuple[str, str]:
    bucket, _, key = s3_uri.removeprefix("s3://").partition("/")
    return bucket, key
