"""Input channels: what a training job's request names in S3, laid out as files under its /opt/ml/input/data."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Any

from embedded_account.sagemaker.shared.inputs import entries
from embedded_account.sagemaker.shared.storage import Objects, StorageError
from embedded_account.shortages import shortage


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
        listed = entries(source, objects)
        if source.get("S3DataDistributionType") == "ShardedByS3Key":
            listed = listed[shard::num_shards]
        for uri, path in listed:
            _write(folder, path, objects.blocks(uri))
    except StorageError as error:
        raise ChannelError(f"Data download failed:{error}") from error
    return len(listed)


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
