"""What a dataset in S3 holds, and its identity."""

from datasets.fingerprint import SIGNS, archive_fingerprint, folder_fingerprint
from datasets.layout import File
from handlers.aws.objects import head, list_objects, split_uri


def dataset_files(bucket: str, prefix: str) -> list[File]:
    """Return what a dataset folder holds, by path below it, sorted; no signs, nor the folder itself."""
    listed = (File(o.key[len(prefix) :], o.size, o.etag) for o in list_objects(bucket, prefix))
    return sorted((file for file in listed if file.path not in SIGNS), key=lambda file: file.path)


def fingerprint_of(s3_uri: str) -> str:
    """Return the fingerprint of the folder (URI ends in "/") or archive that is in S3 now."""
    bucket, key = split_uri(s3_uri)
    if s3_uri.endswith("/"):
        return folder_fingerprint(dataset_files(bucket, key))
    archive = head(bucket, key)
    return archive_fingerprint(File(key, archive.size, archive.etag))
