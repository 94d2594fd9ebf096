"""Drops: which dataset's folder an object lies in, and what is to be seen in a folder now."""

import shlex
from dataclasses import dataclass

from datasets.fingerprint import SIGNS, UPLOADING, FolderDigest
from datasets.paths import is_image_name
from handlers import aws
from handlers.aws.objects import list_changes
from handlers.datasets.fingerprint import check_count
from handlers.datasets.uploads import DATASETS, modified_at_of, objection


@dataclass(frozen=True)
class Look:
    """What lies in a folder."""

    fingerprint: str
    num_files: int
    newest_at: str  # when a file was written or deleted last, by S3's clock; "" without any
    has_pictures: bool


def dropped_into(key: str) -> str:
    """Return the dataset whose data changes with the object, or "": folders' own entries and signs are no data."""
    name, _, path = key.removeprefix(DATASETS).partition("/")
    is_data = key.startswith(DATASETS) and path not in SIGNS and not path.endswith("/")
    return name if is_data and not objection(name) else ""


def look_at(bucket: str, name: str) -> Look:
    """Return what lies in the dataset's folder, and when a file came or went last, so that no event has to tell of it.

    That takes one listing for each thousand files, kept versions among them.

    Raises:
        DatasetError: it holds more files than are listed in time.
    """
    prefix, digest = f"{DATASETS}{name}/", FolderDigest()
    count, newest, has_pictures = 0, "", False
    for stored, is_there in list_changes(bucket, prefix):
        path = stored.key.removeprefix(prefix)
        if path in SIGNS or path.endswith("/"):
            continue
        newest = max(newest, stored.modified_at)
        if is_there:
            digest.add(path, stored.size, stored.etag)
            count, has_pictures = count + 1, has_pictures or is_image_name(path)
            check_count(f"s3://{bucket}/{prefix}", count)
    return Look(digest.fingerprint(), count, newest, has_pictures)


def under_way(bucket: str, name: str) -> str:
    """Return which upload into the folder has not ended, in words, or ""."""
    prefix = f"{DATASETS}{name}/"
    if since := modified_at_of(bucket, prefix + UPLOADING):
        return (
            f"an upload by deploy.py, which began at {since}, has not ended; run it again, or delete "
            f"s3://{bucket}/{prefix}{UPLOADING} if the dataset is complete"
        )
    uploads = aws.s3().list_multipart_uploads(Bucket=bucket, Prefix=prefix).get("Uploads", [])
    if not uploads:
        return ""
    first = uploads[0]
    return (
        f"the multipart upload of s3://{bucket}/{first['Key']} has not ended; end it, or `aws s3api "
        f"abort-multipart-upload --bucket {bucket} --key {shlex.quote(first['Key'])} --upload-id {first['UploadId']}`"
    )
