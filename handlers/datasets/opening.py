"""Open a dataset: the folder in S3 that an execution reads, holding what the execution was started for."""

from collections.abc import Callable, Sequence

from datasets import errors
from datasets.fingerprint import archive_fingerprint, ordered_fingerprint
from datasets.layout import File, Files, SetAside
from datasets.tables import MAX_TABLE_BYTES
from handlers.aws.objects import S3Object, SeekableObject, head, split_uri
from handlers.contract.errors import DatasetChangedError, DatasetError
from handlers.contract.states import ValidateDatasetInput
from handlers.datasets.fingerprint import dataset_files
from handlers.datasets.staging import unpack

_SECONDS_AFTER_UNPACKING = 180  # to list, read and check what was unpacked


def table_reader(folder_s3_uri: str, files: Sequence[File]) -> Callable[[str], bytes]:
    """Return what gives the bytes of a table below a folder, as it was listed and within the bound for one."""
    bucket, prefix = split_uri(folder_s3_uri)

    def read(path: str) -> bytes:
        file = next(file for file in files if file.path == path)
        if file.size is None or file.size > MAX_TABLE_BYTES:
            raise errors.DatasetError(f"table {path!r} has {file.size} bytes; at most {MAX_TABLE_BYTES} are read")
        return SeekableObject(bucket, S3Object(prefix + path, file.size, file.content)).read()

    return read


def open_dataset(step: ValidateDatasetInput, seconds: float) -> tuple[str, Files, list[SetAside]]:
    """Return the folder to use, its files by their path below it, and what unpacking set aside.

    `seconds` are what the function has left for all that it does.

    Raises:
        ArchiveUnfinishedError: they are too few for the archive; the next call goes on.
        DatasetChangedError: S3 holds something else than what the execution was started for.
        DatasetError: there is nothing, or the archive cannot be unpacked.
    """
    bucket, key = split_uri(step.dataset.s3_uri)
    if step.dataset.s3_uri.endswith("/"):
        files = dataset_files(bucket, key)
        if not files:
            raise DatasetError(f"dataset {step.dataset.name!r} holds no files; upload images before _SUCCESS")
        _check_unchanged(step, ordered_fingerprint(files))
        return step.dataset.s3_uri, files, []
    archive = head(bucket, key)
    _check_unchanged(step, archive_fingerprint(File(key, archive.size, archive.etag)))
    prefix = f"staged/{step.dataset.name}/{step.dataset.fingerprint}/"
    aside = unpack(bucket, archive, prefix, seconds=max(seconds - _SECONDS_AFTER_UNPACKING, seconds / 2))
    return f"s3://{bucket}/{prefix}", dataset_files(bucket, prefix), aside


def _check_unchanged(step: ValidateDatasetInput, fingerprint: str) -> None:
    if fingerprint != step.dataset.fingerprint:
        raise DatasetChangedError(
            f"dataset {step.dataset.name!r} has fingerprint {fingerprint[:12]}, the execution was started for "
            f"{step.dataset.fingerprint[:12]}; upload all files first and _SUCCESS last, which starts a new execution"
        )
