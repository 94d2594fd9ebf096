"""The objects that an S3 data source names: a prefix, or a manifest that lists keys."""

import json
from typing import Any

from embedded_account.sagemaker.shared.storage import Objects, S3Uri, StorageError

Entry = tuple[S3Uri, str]  # an object, and its path below the source


def entries(source: dict[str, Any], objects: Objects) -> list[Entry]:
    """Return the objects of `source`, an S3DataSource of a training or transform job, in the order of their keys.

    Raises:
        StorageError: there are none, or the manifest is none.
    """
    uri = S3Uri.parse(source["S3Uri"])
    if source["S3DataType"] == "ManifestFile":
        return _manifest_entries(uri, objects.read(uri))
    keys = [key for key in objects.keys(uri) if not key.endswith("/")]
    if not keys:
        raise StorageError(
            f'No S3 objects found under S3 URL "{source["S3Uri"]}" given in input data source. '
            "Please ensure that the bucket exists, that objects exist under that S3 prefix, and that the role has "
            f's3:ListBucket permissions on bucket "{uri.bucket}".'
        )
    return [(S3Uri(uri.bucket, key), _path_under(uri.key, key)) for key in keys]


def _path_under(prefix: str, key: str) -> str:
    """Return where `key` lies below a source of `prefix`, which need not end at a slash."""
    rest = key[len(prefix) :]
    if not rest or not (prefix.endswith("/") or rest.startswith("/") or not prefix):
        return key[prefix.rfind("/") + 1 :]
    return rest.lstrip("/")


def _manifest_entries(uri: S3Uri, content: bytes) -> list[Entry]:
    try:
        first, *rest = json.loads(content)
        prefix = first["prefix"]
    except (ValueError, TypeError, KeyError) as error:
        raise StorageError(
            f'manifest "{uri}": {error!r}; it must be a JSON list whose first item is '
            '{"prefix": "s3://bucket/prefix/"} and whose others are keys after that prefix'
        ) from error
    wrong = [item for item in rest if not isinstance(item, str)]
    if wrong or not rest:
        what = f"item {wrong[0]!r} is not a key" if wrong else "it lists no objects"
        raise StorageError(f'manifest "{uri}": {what}; list keys after the prefix')
    return [(S3Uri.parse(prefix + item), item.lstrip("/")) for item in rest]
