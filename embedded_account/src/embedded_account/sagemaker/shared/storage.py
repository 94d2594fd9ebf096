"""What SageMaker reads from and writes to S3 on behalf of a role; contents pass a block at a time."""

import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from boto3.exceptions import S3UploadFailedError
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import BotoCoreError, ClientError

from embedded_account.account import Account
from embedded_account.errors import ServiceError
from embedded_account.iam.object_keys import ObjectKeys
from embedded_account.identity import Principal
from embedded_account.s3.disk import blocks_of_key

_ONE_PUT = TransferConfig(multipart_threshold=1 << 40)
_NO_COMPRESSION = 0  # weights hardly shrink, and level 1 takes 25 times as long


class StorageError(Exception):
    """S3 did not have, or did not give, what was asked for."""


@dataclass(frozen=True)
class S3Uri:
    """A bucket with a key or a key prefix."""

    bucket: str
    key: str

    @classmethod
    def parse(cls, uri: str) -> "S3Uri":
        """Return the parts of "s3://bucket/key".

        Raises:
            StorageError: `uri` is none.
        """
        scheme, _, rest = uri.partition("://")
        bucket, _, key = rest.partition("/")
        if scheme != "s3" or not bucket:
            raise StorageError(f"S3 URI: {uri!r}; it must look like s3://bucket/key")
        return cls(bucket, key)

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


class Objects:
    """Reads objects as `role_arn`, straight from the store: 1,300 small files take about 0.1 s and over HTTP 4 s."""

    def __init__(self, account: Account, role_arn: str) -> None:
        self._account = account
        self._principal = Principal(role_arn, "SageMaker")

    def exists(self, bucket: str) -> bool:
        """Return whether the account has `bucket`."""
        return bucket in self._backend().buckets

    def keys(self, prefix: S3Uri) -> list[str]:
        """Return the keys under `prefix`, sorted; none when there is no such bucket."""
        self._check("s3:ListBucket", f"arn:aws:s3:::{prefix.bucket}", {"s3:prefix": prefix.key})
        if not self.exists(prefix.bucket):
            return []
        keys = list(self._backend().buckets[prefix.bucket].keys)
        return sorted(key for key in keys if key.startswith(prefix.key) and self._object(prefix.bucket, key))

    def read(self, uri: S3Uri) -> bytes:
        """Return the bytes of the object at `uri`, which is a small one.

        Raises:
            StorageError: there is none, or the role may not read it.
        """
        return b"".join(self.blocks(uri))

    def blocks(self, uri: S3Uri) -> Iterator[bytes]:
        """Return the bytes of the object at `uri`, block by block as they are asked for.

        Raises:
            StorageError: there is none, or the role may not read it.
        """
        self._check("s3:GetObject", f"arn:aws:s3:::{uri.bucket}/{uri.key}", {})
        stored = self._object(uri.bucket, uri.key)
        if stored is None:
            raise StorageError(f"S3 object {str(uri)!r}: there is none; upload it or correct the key")
        self._check_key(stored)
        return blocks_of_key(stored)

    def _object(self, bucket: str, key: str) -> Any:
        from moto.s3.models import FakeDeleteMarker

        version = self._backend().buckets[bucket].keys.get(key) if self.exists(bucket) else None
        return None if isinstance(version, FakeDeleteMarker) else version

    def _backend(self) -> Any:
        from moto.s3.models import s3_backends

        return s3_backends[self._account.account_id]["aws"]

    def _check(self, action: str, resource_arn: str, context: Mapping[str, str]) -> None:
        """Ask the policies: objects are read from moto's memory, and so pass by the HTTP layer."""
        try:
            self._account.require_access(self._principal, action, resource_arn, context)
        except ServiceError as refusal:
            raise StorageError(refusal.message) from refusal

    def _check_key(self, version: Any) -> None:
        """Ask for the key that the object is encrypted with."""
        try:
            self._account.singleton(ObjectKeys).require_to_read(self._principal, version)
        except ServiceError as refusal:
            raise StorageError(refusal.message) from refusal


def upload_archive(account: Account, role_arn: str, folder: Path, destination: S3Uri) -> None:
    """Put the content of `folder` at `destination` as a .tar.gz, made for speed and not for size, as `role_arn`.

    Raises:
        StorageError: S3 refused it.
    """
    archive = folder.parent / f"{folder.name}.upload.tar.gz"
    with tarfile.open(archive, "w:gz", compresslevel=_NO_COMPRESSION) as tar:
        for path in sorted(folder.rglob("*")):
            tar.add(path, arcname=str(path.relative_to(folder)), recursive=False)
    try:
        upload_file(account, role_arn, archive, destination)
    finally:
        archive.unlink()


def upload_files(account: Account, role_arn: str, folder: Path, prefix: S3Uri) -> None:
    """Put each file below `folder` at its relative path under `prefix`, as `role_arn`.

    Raises:
        StorageError: S3 refused one.
    """
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        upload_file(account, role_arn, path, S3Uri(prefix.bucket, prefix.key + path.relative_to(folder).as_posix()))


def put_object(account: Account, role_arn: str, content: bytes, destination: S3Uri, content_type: str = "") -> None:
    """Put `content` at `destination`, as `role_arn`.

    Raises:
        StorageError: S3 refused it.
    """
    client = account.client("s3", role_arn, "SageMaker", by="sagemaker.amazonaws.com")
    options = {"ContentType": content_type} if content_type else {}
    try:
        client.put_object(Bucket=destination.bucket, Key=destination.key, Body=content, **options)
    except (ClientError, BotoCoreError) as error:
        raise StorageError(f"upload to {str(destination)!r} failed: {error}") from error


def upload_file(account: Account, role_arn: str, path: Path, destination: S3Uri) -> None:
    """Put one file, as `role_arn`.

    Raises:
        StorageError: S3 refused it.
        FileNotFoundError: there is no such file.
    """
    client = account.client("s3", role_arn, "SageMaker", by="sagemaker.amazonaws.com")
    try:
        client.upload_file(str(path), destination.bucket, destination.key, Config=_ONE_PUT)
    except (ClientError, BotoCoreError, S3UploadFailedError) as error:
        raise StorageError(f"upload to {str(destination)!r} failed: {error}") from error
