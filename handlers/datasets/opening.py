"""Open a dataset: the folder in S3 that an execution reads, holding what the execution was started for."""

from datasets.fingerprint import archive_fingerprint, folder_fingerprint
from datasets.layout import File, SetAside
from handlers.aws.objects import head, split_uri
from handlers.contract.errors import DatasetChangedError, DatasetError
from handlers.contract.states import ValidateDatasetInput
from handlers.datasets.fingerprint import dataset_files
from handlers.datasets.staging import unpack


def open_dataset(step: ValidateDatasetInput) -> tuple[str, list[File], list[SetAside]]:
    """Return the folder to use, its files by their path below it, and what unpacking set aside.

    Raises:
        DatasetChangedError: S3 holds something else than what the execution was started for.
        DatasetError: there is nothing, or the archive cannot be unpacked.
    """
    bucket, key = split_uri(step.dataset.s3_uri)
    if step.dataset.s3_uri.endswith("/"):
        files = dataset_files(bucket, key)
        if not files:
            raise DatasetError(f"dataset {step.dataset.name!r} holds no files; upload images before _SUCCESS")
        _check_unchanged(step, folder_fingerprint(files))
        return step.dataset.s3_uri, files, []
    archive = head(bucket, key)
    _check_unchanged(step, archive_fingerprint(File(key, archive.size, archive.etag)))
    prefix = f"staged/{step.dataset.name}/{step.dataset.fingerprint}/"
    aside = unpack(bucket, archive, prefix)
    return f"s3://{bucket}/{prefix}", dataset_files(bucket, prefix), aside


def _check_unchanged(step: ValidateDatasetInput, fingerprint: str) -> None:
    if fingerprint != step.dataset.fingerprint:
        raise DatasetChangedError(
            f"dataset {step.dataset.name!r} has fingerprint {fingerprint[:12]}, the execution was started for "
            f"{step.dataset.fingerprint[:12]}; upload all files first and _SUCCESS last, which starts a new execution"
        )
