"""The copy of an archive's files in S3, beside nothing of another dataset or another content: staged/NAME/FINGERPRINT/.

A marker written last says that it is whole.
"""

import time
from collections.abc import Iterator
from datetime import datetime

from datasets import staging
from datasets.archives import Archive, Limits
from datasets.fingerprint import MARKER
from datasets.layout import SetAside
from datasets.staging import MAX_MARKER_BYTES, Staged
from handlers import aws
from handlers.aws.objects import S3Object, SeekableObject, head, list_objects, read
from handlers.contract.errors import AwsNotFoundError, DatasetError
from handlers.contract.json_bounds import bounded_json
from handlers.contract.states import DatasetRequest
from handlers.datasets.refusals import as_dataset_error

_THREADS = 8  # each holds one image of at most limits.MAX_IMAGE_BYTES, so memory stays below 300 MiB
_MAX_MEMORY_BYTES = 1024**3  # while the marker is read, of the function's 2 GB


class StagedFolder:
    """The folder of one archive's copy."""

    def __init__(self, bucket: str, prefix: str) -> None:
        self.bucket, self.prefix = bucket, prefix

    @classmethod
    def of(cls, bucket: str, dataset: DatasetRequest) -> "StagedFolder":
        """Return the folder of the archive that an execution was started for."""
        return cls(bucket, f"staged/{dataset.name}/{dataset.fingerprint}/")

    @property
    def s3_uri(self) -> str:
        """Return where it is."""
        return f"s3://{self.bucket}/{self.prefix}"

    def files(self) -> Iterator[Staged]:
        for stored in list_objects(self.bucket, self.prefix):
            yield _staged(stored, self.prefix)

    def put(self, path: str, content: bytes) -> None:
        aws.s3().put_object(Bucket=self.bucket, Key=self.prefix + path, Body=content)


def _staged(stored: S3Object, prefix: str) -> Staged:
    return Staged(stored.key.removeprefix(prefix), stored.size, datetime.fromisoformat(stored.modified_at))


def unpack(archive: S3Object, folder: StagedFolder, seconds: float, limits: Limits | None = None) -> bool:
    """Put what of an archive is not in `folder` yet, for so many seconds; return whether all of it is there.

    Raises:
        DatasetError: as `datasets.archives.ArchiveError`.
        DatasetChangedError: another archive took its place meanwhile.
    """
    until = time.monotonic() + seconds
    source = Archive(SeekableObject(folder.bucket, archive), archive.key, archive.size)
    with as_dataset_error():
        return staging.unpack(source, folder, _THREADS, limits=limits, has_time=lambda: time.monotonic() < until)


def set_aside(folder: StagedFolder) -> list[SetAside] | None:
    """Return what was set aside of a whole copy; None where it is not, or the lifecycle may delete it under a run.

    Raises:
        DatasetError: its marker is not what was written.
    """
    bucket, key = folder.bucket, folder.prefix + MARKER
    try:
        marker = _staged(head(bucket, key), folder.prefix)
        content = bounded_json(read(bucket, key, MAX_MARKER_BYTES), _MAX_MEMORY_BYTES)
        if isinstance(content, list):  # of a version that did not count
            return None
        aside = [SetAside(str(path), str(reason)) for path, reason in content["set_aside"]]
        return None if marker.is_old or staging.num_files(folder) != content["num_files"] else aside
    except AwsNotFoundError:
        return None
    except (ValueError, TypeError, KeyError) as error:
        raise DatasetError(
            f"marker 's3://{bucket}/{key}' is not what was written: {error}; delete it and start again"
        ) from error
