"""How objects become files of a channel."""

import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from embedded_account.s3.disk import Disk
from embedded_account.sagemaker.shared import storage
from embedded_account.sagemaker.shared.storage import Objects, S3Uri, StorageError
from embedded_account.sagemaker.training import channels
from embedded_account.sagemaker.training.channels import ChannelError, download


class FakeObjects(Objects):
    """A bucket `b` in a dict."""

    def __init__(self, content: dict[str, bytes]) -> None:
        self._content = content

    def keys(self, prefix: S3Uri) -> list[str]:
        return sorted(key for key in self._content if key.startswith(prefix.key))

    def blocks(self, uri: S3Uri) -> Iterator[bytes]:
        if uri.key not in self._content:
            raise StorageError(f"no {uri}")
        return iter([self._content[uri.key]])


def _channel(uri: str, data_type: str = "S3Prefix", **source: str) -> dict[str, Any]:
    return {
        "ChannelName": "train",
        "DataSource": {"S3DataSource": {"S3DataType": data_type, "S3Uri": uri} | source},
    }


def _files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("s3://b/data/", {"train/1.png", "train-more/2.png"}),
        ("s3://b/data", {"train/1.png", "train-more/2.png"}),
        ("s3://b/data/train/1.png", {"1.png"}),
        ("s3://b/data/train", {"1.png", "train-more/2.png"}),
        ("s3://b/", {"data/train/1.png", "data/train-more/2.png"}),
    ],
)
def test_prefix_decides_the_path(tmp_path: Path, prefix: str, expected: set[str]) -> None:
    """Files lie at their keys after the prefix; a sibling that only begins like the prefix keeps its name.

    Source: SageMaker API reference, S3DataSource.
    """
    objects = FakeObjects({"data/": b"", "data/train/1.png": b"1", "data/train-more/2.png": b"2"})

    assert download(_channel(prefix), objects, tmp_path, 0, 1) == len(expected)

    assert _files(tmp_path) == expected


class OneOnDisk(Objects):
    """A bucket `b` with one object, which lies on disk as S3 keeps large ones."""

    def __init__(self, key: str, folder: Path, num_blocks: int, block: bytes) -> None:
        disk = Disk(folder, keeps=False)
        self._key = key
        self._stored = disk.buffer(disk.store(block for _ in range(num_blocks)))
        self._size = num_blocks * len(block)

    def keys(self, prefix: S3Uri) -> list[str]:
        return [self._key]

    def _check(self, action: str, resource_arn: str, context: Any) -> None:
        """Let everything be read."""

    def _check_key(self, version: Any) -> None:
        """Let everything be read."""

    def _object(self, bucket: str, key: str) -> Any:
        return SimpleNamespace(_value_buffer=self._stored, size=self._size)


def test_large_object_passes_by_the_memory(tmp_path: Path) -> None:
    """An object of 64 MB costs a download less than 4 MB, and so one of 2 GB: it is written block by block."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "channel").mkdir()
    objects = OneOnDisk("d/features.bin", tmp_path / "disk", 64, b"x" * (1 << 20))

    tracemalloc.start()
    try:
        download(_channel("s3://b/d/"), objects, tmp_path / "channel", 0, 1)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert (tmp_path / "channel" / "features.bin").stat().st_size == 64 << 20
    assert peak_bytes < 4 << 20


def test_shards_share_the_keys(tmp_path: Path) -> None:
    """Under ShardedByS3Key every object goes to just one instance.

    Source: SageMaker API reference, S3DataSource.
    """
    objects = FakeObjects({f"d/{number}": b"x" for number in range(5)})
    channel = _channel("s3://b/d/", S3DataDistributionType="ShardedByS3Key")

    for shard in range(2):
        (tmp_path / str(shard)).mkdir()
        download(channel, objects, tmp_path / str(shard), shard, 2)

    assert _files(tmp_path / "0") == {"0", "2", "4"}
    assert _files(tmp_path / "1") == {"1", "3"}


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        (b"not json", "must be a JSON list"),
        (b"{}", "must be a JSON list"),
        (b'["a", "b"]', "must be a JSON list"),
        (b'[{"prefix": "s3://b/d/"}]', "lists no objects"),
        (b'[{"prefix": "s3://b/d/"}, 7]', "item 7 is not a key"),
        (b'[{"prefix": "https://b/"}, "x"]', "must look like s3://bucket/key"),
        (b'[{"prefix": "s3://b/d/"}, "gone"]', "no s3://b/d/gone"),
        (b'[{"prefix": "s3://b/"}, "d/../../../etc/x"]', "outside its channel"),
    ],
)
def test_bad_manifest_is_named(tmp_path: Path, manifest: bytes, words: str) -> None:
    """Whatever is wrong with a manifest ends in one sentence, and nothing is written outside the channel.

    Source: SageMaker API reference, S3DataSource.
    """
    objects = FakeObjects({"m.json": manifest, "d/../../../etc/x": b"x"})

    with pytest.raises(ChannelError, match=words):
        download(_channel("s3://b/m.json", "ManifestFile"), objects, tmp_path / "train", 0, 1)

    assert _files(tmp_path) == set()


def test_key_that_is_a_file_and_a_folder_is_named(tmp_path: Path) -> None:
    """S3 can hold both; a file system cannot."""
    objects = FakeObjects({"d/a": b"1", "d/a/b": b"2"})

    with pytest.raises(ChannelError, match="'a/b'"):
        download(_channel("s3://b/d/"), objects, tmp_path, 0, 1)


def test_description_is_what_the_toolkit_reads() -> None:
    """inputdataconfig.json has SageMaker's names and defaults.

    Source: SageMaker developer guide, "Amazon SageMaker AI Training Storage Folders for Training Datasets,
    Checkpoints, Model Artifacts, and Outputs".
    """
    channel = _channel("s3://b/d/") | {"ContentType": "application/x-image"}

    assert channels.description([channel], "File") == {
        "train": {
            "S3DistributionType": "FullyReplicated",
            "RecordWrapperType": "None",
            "TrainingInputMode": "File",
            "ContentType": "application/x-image",
        }
    }


@pytest.mark.parametrize("uri", ["b/key", "https://b/key", "s3://", ""])
def test_uri_of_no_bucket_is_refused(uri: str) -> None:
    """Only s3://bucket/key is taken."""
    with pytest.raises(StorageError, match="s3://bucket/key"):
        storage.S3Uri.parse(uri)
