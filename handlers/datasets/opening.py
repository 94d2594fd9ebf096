"""Open a dataset: the folder in S3 that an execution reads, holding what the execution was started for."""

from collections.abc import Callable, Sequence

from datasets import errors
from datasets.fingerprint import archive_fingerprint, ordered_fingerprint
from datasets.layout import File, Files, SetAside
from datasets.tables import MAX_TABLE_BYTES
from handlers.aws.objects import S3Object, SeekableObject, head, split_uri
from handlers.contract.errors import DatasetChangedError, DatasetError, InputError
from handlers.contract.names import name_problem
from handlers.contract.states import DatasetRequest, ValidateDatasetInput
from handlers.datasets.fingerprint import dataset_files
from handlers.datasets.staging import StagedFolder, set_aside
from handlers.datasets.uploads import objection


def check_names(execution_name: str, dataset: DatasetRequest) -> None:
    """Refuse names, before anything is paid, that a later state or SageMaker would refuse.

    Raises:
        InputError: the execution's or the dataset's, of an execution that was started by hand.
    """
    if problem := name_problem(execution_name) or objection(dataset.name):
        raise InputError(problem)


def table_reader(folder_s3_uri: str, files: Sequence[File]) -> Callable[[str], bytes]:
    """Return what gives the bytes of a table below a folder, as it was listed and within the bound for one."""
    bucket, prefix = split_uri(folder_s3_uri)

    def read(path: str) -> bytes:
        file = next(file for file in files if file.path == path)
        if file.size is None or file.size > MAX_TABLE_BYTES:
            raise errors.DatasetError(f"table {path!r} has {file.size} bytes; at most {MAX_TABLE_BYTES} are read")
        return SeekableObject(bucket, S3Object(prefix + path, file.size, file.content)).read()

    return read


def open_dataset(step: ValidateDatasetInput) -> tuple[str, Files, list[SetAside]]:
    """Return the folder to use, its files by their path below it, and what unpacking set aside.

    Raises:
        DatasetChangedError: S3 holds something else than what the execution was started for.
        DatasetError: there is nothing, or the archive's copy is gone.
    """
    bucket, key = split_uri(step.dataset.s3_uri)
    if step.dataset.s3_uri.endswith("/"):
        files = dataset_files(bucket, key)
        if not files:
            raise DatasetError(f"dataset {step.dataset.name!r} holds no files; upload images before _SUCCESS")
        _check_unchanged(step.dataset, ordered_fingerprint(files))
        return step.dataset.s3_uri, files, []
    open_archive(step.dataset)
    folder = StagedFolder.of(bucket, step.dataset)
    aside = set_aside(folder)
    if aside is None:
        raise DatasetError(
            f"dataset {step.dataset.name!r}: the archive's copy in {folder.s3_uri!r} is not whole, or about to expire; "
            "start the execution again, which unpacks it anew"
        )
    return folder.s3_uri, dataset_files(bucket, folder.prefix), aside


def open_archive(dataset: DatasetRequest) -> S3Object:
    """Return the archive that an execution was started for.

    Raises:
        DatasetChangedError: it is another one now.
    """
    bucket, key = split_uri(dataset.s3_uri)
    archive = head(bucket, key)
    _check_unchanged(dataset, archive_fingerprint(File(key, archive.size, archive.etag)))
    return archive


def _check_unchanged(dataset: DatasetRequest, fingerprint: str) -> None:
    if fingerprint != dataset.fingerprint:
        raise DatasetChangedError(
            f"dataset {dataset.name!r} has fingerprint {fingerprint[:12]}, the execution was started for "
            f"{dataset.fingerprint[:12]}; upload all files first and _SUCCESS last, which starts a new execution"
        )
