"""Uploads: which dataset an object in the bucket completes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from datasets.archives import ARCHIVE_SUFFIXES
from datasets.fingerprint import MARKER

_DATASET_KEY = re.compile(
    rf"datasets/(?P<name>[^/]+?)(?P<ending>/{MARKER}|{'|'.join(re.escape(s) for s in ARCHIVE_SUFFIXES)})"
)


@dataclass(frozen=True)
class Upload:
    name: str
    s3_uri: str  # of the folder, ending in "/", or of the archive
    key: str
    sequencer: str


def parse_upload(event: Mapping[str, Any]) -> Upload | None:
    """Return the dataset that an S3 "Object Created" event completes, or None if it completes none."""
    bucket, entry = event["detail"]["bucket"]["name"], event["detail"]["object"]
    dataset = parse_key(bucket, entry["key"])  # EventBridge carries keys as they are; only S3 notifications encode them
    return Upload(*dataset, entry["key"], entry.get("sequencer", "")) if dataset else None


def parse_key(bucket: str, key: str) -> tuple[str, str] | None:
    """Return name and URI of the dataset that the object completes, or None."""
    match = _DATASET_KEY.fullmatch(key)
    if match is None:
        return None
    path = key.removesuffix(MARKER) if match["ending"].startswith("/") else key
    return match["name"], f"s3://{bucket}/{path}"
