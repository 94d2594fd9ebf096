"""Uploads: which dataset an object in the bucket completes."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from datasets.archives import ARCHIVE_SUFFIXES
from datasets.fingerprint import MARKER
from datasets.limits import MAX_NAME_BYTES
from datasets.paths import shown
from handlers.aws.objects import head
from handlers.contract.errors import AwsNotFoundError
from handlers.contract.inputs import part

DATASETS = "datasets/"
_DATASET_KEY = re.compile(
    rf"{DATASETS}(?P<name>[^/]+?)(?P<ending>/{MARKER}|(?i:{'|'.join(re.escape(s) for s in ARCHIVE_SUFFIXES)}))"
)


@dataclass(frozen=True)
class Upload:
    name: str
    s3_uri: str  # of the folder, ending in "/", or of the archive
    key: str
    sequencer: str


def objection(name: str) -> str:
    """Return why a dataset may not have this name, or ""; two that look alike, or name jobs alike, are one."""
    if name != (composed := unicodedata.normalize("NFC", name)):
        return f"dataset name {name!a}: written with combining characters (NFD); name it {composed!r}, in NFC"
    if not (name[:1].isalnum() and name[-1:].isalnum()):
        return f"dataset name {name!r}: expected a letter or digit first and last; name it otherwise"
    if "/" in name or not name.isprintable():  # SageMaker's S3 URIs take no line break
        return f"dataset name {name!r}: holds a slash or a character that does not print; name it otherwise"
    if len(name.encode()) > MAX_NAME_BYTES:
        return f"dataset name {shown(name)}: {len(name.encode())} bytes; at most {MAX_NAME_BYTES}, name it shorter"
    return ""


def parse_upload(event: Mapping[str, Any]) -> Upload | None:
    """Return the dataset that an S3 "Object Created" event completes, or None if it completes none."""
    bucket, key = part(event, "detail", "bucket", "name"), part(event, "detail", "object", "key")
    dataset = parse_key(bucket, key)  # EventBridge carries keys as they are; only S3 notifications encode them
    return Upload(*dataset, key, event["detail"]["object"].get("sequencer", "")) if dataset else None


def parse_key(bucket: str, key: str) -> tuple[str, str] | None:
    """Return name and URI of the dataset that the object completes, or None."""
    match = _DATASET_KEY.fullmatch(key)
    if match is None:
        return None
    path = key.removesuffix(MARKER) if match["ending"].startswith("/") else key
    return match["name"], f"s3://{bucket}/{path}"


def modified_at_of(bucket: str, key: str) -> str | None:
    """Return when an object was written, by S3's clock, or None if it is gone."""
    try:
        return head(bucket, key).modified_at
    except AwsNotFoundError:
        return None
