"""The identity of a dataset's content, the same for whoever computes it and in whatever order S3 lists."""

import hashlib
from collections.abc import Iterable

from handlers.aws.objects import S3Object, head, list_objects, split_uri

MARKER = "_SUCCESS"  # uploaded last, it says that the folder is complete; it is no part of the data


def dataset_objects(bucket: str, prefix: str) -> list[S3Object]:
    """Return what a dataset folder holds, keys relative to it, sorted; neither the marker nor the folder itself."""
    found = (S3Object(o.key[len(prefix) :], o.size, o.etag) for o in list_objects(bucket, prefix))
    return sorted(o for o in found if o.key not in ("", MARKER))


def folder_fingerprint(objects: Iterable[S3Object]) -> str:
    """Return the SHA-256 over key, size and ETag of every object; folder markers carry no content and do not count."""
    digest = hashlib.sha256()
    for o in sorted(objects):
        if not o.key.endswith("/"):
            digest.update(f"{o.key}\0{o.size}\0{o.etag}\n".encode())
    return digest.hexdigest()


def archive_fingerprint(archive: S3Object) -> str:
    """Return the SHA-256 over an archive's size and ETag."""
    return hashlib.sha256(f"{archive.size}\0{archive.etag}".encode()).hexdigest()


def fingerprint_of(s3_uri: str) -> str:
    """Return the fingerprint of the folder (URI ends in "/") or archive that is in S3 now."""
    bucket, key = split_uri(s3_uri)
    if s3_uri.endswith("/"):
        return folder_fingerprint(dataset_objects(bucket, key))
    return archive_fingerprint(head(bucket, key))
