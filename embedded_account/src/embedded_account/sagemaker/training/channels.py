"""Input channels: what a training job's request names in S3, laid out as files under its /opt/ml/input/data."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Any

from embedded_account.sagemaker.shared.storage import Objects, S3Uri, StorageError
from embedded_account.shortages import shortage

Entry = tuple[S3Uri, str]  # an object, and the file's path inside the channel


class ChannelError(Exception):
    """A channel cannot be downloaded; the message is what the job's FailureReason says."""


def download(channel: dict[str, Any], objects: Objects, folder: Path, shard: int, num_shards: int) -> int:
    """Write the objects of `channel` under `folder`; return how many files there are.

    `shard` of `num_shards` is the instance that asks: under ShardedByS3Key each gets its own part of the keys.

    Raises:
        ChannelError: there is nothing to download, or an object is missing.
    """
    source = channel["DataSource"]["S3DataSource"]
    try:
        entries = _entries(source, objects)
        if source.get("S3DataDistributionType") == "ShardedByS3Key":
            entries = entries[shard::num_shards]
        for uri, path in entries:
            _write(folder, path, objects.blocks(uri))
    except StorageError as error:
        raise ChannelError(f"Data download failed:{error}") from error
    return len(entries)


def description(channels: Sequence[dict[str, Any]], default_input_mode: str) -> dict[str, dict[str, str]]:
    """Return the content of inputdataconfig.json."""
    return {channel["ChannelName"]: _channel_description(channel, default_input_mode) for channel in channels}


def _channel_description(channel: dict[str, Any], default_input_mode: str) -> dict[str, str]:
    source = channel["DataSource"]["S3DataSource"]
    described = {
        "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
        "RecordWrapperType": channel.get("RecordWrapperType", "None"),
        "TrainingInputMode": channel.get("InputMode", default_input_mode),
    }
    return described | ({"ContentType": channel["ContentType"]} if channel.get("ContentType") else {})


def _entries(source: dict[str, Any], objects: Objects) -> list[Entry]:
    uri = S3Uri.parse(source["S3Uri"])
    if source["S3DataType"] == "ManifestFile":
        return _manifest_entries(uri, objects.read(uri))
    keys = [key for key in objects.keys(uri) if not key.endswith("/")]
    if not keys:
        raise ChannelError(
            f'Data download failed:No S3 objects found under S3 URL "{source["S3Uri"]}" given in input data source. '
            "Please ensure that the bucket exists, that objects exist under that S3 prefix, and that the role has "
            f's3:ListBucket permissions on bucket "{uri.bucket}".'
        )
    return [(S3Uri(uri.bucket, key), _path_under(uri.key, key)) for key in keys]


def _path_under(prefix: str, key: str) -> str:
    """Return where `key` lands for a channel on `prefix`, which need not end at a slash."""
    rest = key[len(prefix) :]
    if not rest or not (prefix.endswith("/") or rest.startswith("/") or not prefix):
        return key[prefix.rfind("/") + 1 :]
    return rest.lstrip("/")


def _manifest_entries(uri: S3Uri, content: bytes) -> list[Entry]:
    try:
        first, *rest = json.loads(content)
        prefix = first["prefix"]
    except (ValueError, TypeError, KeyError) as error:
        raise ChannelError(
            f'Data download failed:manifest "{uri}": {error!r}; it must be a JSON list whose first item is '
            '{"prefix": "s3://bucket/prefix/"} and whose others are keys after that prefix'
        ) from error
    wrong = [item for item in rest if not isinstance(item, str)]
    if wrong or not rest:
        what = f"item {wrong[0]!r} is not a key" if wrong else "it lists no objects"
        raise ChannelError(f'Data download failed:manifest "{uri}": {what}; list keys after the prefix')
    return [(S3Uri.parse(prefix + item), item.lstrip("/")) for item in rest]


def _write(folder: Path, path: str, blocks: Iterable[bytes]) -> None:
    if ".." in path.split("/"):
        raise ChannelError(f"Data download failed:key {path!r} would be written outside its channel; rename the object")
    target = folder / path
    try:
        with _opened(target) as file:
            file.writelines(blocks)
    except OSError as error:
        if lacks := shortage(error, folder):
            raise ChannelError(f"Data download failed:{lacks}") from error
        # The name is too long, or a folder as well.
        raise ChannelError(f"Data download failed:key {path!r}: {error.strerror}; rename the object") from error


def _opened(target: Path) -> IO[bytes]:
    """Return the file to write to; folders are made where they are missing, which is seldom."""
    try:
        return target.open("wb")
    except FileNotFoundError:
        target.parent.mkdir(parents=True, exist_ok=True)
        return target.open("wb")
