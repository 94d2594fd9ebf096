"""What a dataset in S3 holds, and its identity."""

from collections.abc import Iterator

from datasets.fingerprint import SIGNS, archive_fingerprint, ordered_fingerprint
from datasets.layout import File, Files
from datasets.limits import MAX_FILES
from handlers.aws.objects import head, list_objects, split_uri
from handlers.contract.errors import DatasetError


def dataset_files(bucket: str, prefix: str) -> Files:
    """Return what a dataset folder holds, by path below it, in S3's order; no signs, nor the folder itself.

    Raises:
        DatasetError: it holds more files than are read.
    """
    return Files(_listed(bucket, prefix))


def fingerprint_of(s3_uri: str) -> str:
    """Return the fingerprint of the folder (URI ends in "/") or archive that is in S3 now.

    Raises:
        DatasetError: the folder holds more files than are read.
    """
    bucket, key = split_uri(s3_uri)
    if s3_uri.endswith("/"):
        return ordered_fingerprint(_listed(bucket, key))
    archive = head(bucket, key)
    return archive_fingerprint(File(key, archive.size, archive.etag))


def check_count(place: str, count: int) -> None:
    """Refuse more files than a function lists in its time.

    Raises:
        DatasetError: with what to do.
    """
    if count > MAX_FILES:
        raise DatasetError(
            f"{place!r} holds more than {MAX_FILES:,} files, which is all that is listed in time; remove what is no "
            "picture, or keep a part of the pictures"
        )


def _listed(bucket: str, prefix: str) -> Iterator[File]:
    count = 0
    for stored in list_objects(bucket, prefix):
        path = stored.key[len(prefix) :]
        if path not in SIGNS:
            count += 1
            check_count(f"s3://{bucket}/{prefix}", count)
            yield File(path, stored.size, stored.etag)
