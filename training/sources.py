"""Where `--data` comes from on a plain machine: a folder, an archive, or either of them in S3.

In SageMaker the channels are there already, and nothing of this is used.
"""

import os
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datasets import errors
from datasets.archives import ARCHIVE_SUFFIXES, Archive, Member, members
from datasets.labels import is_table
from datasets.paths import file_problem, safe_path
from training.config import TrainingConfig
from training.errors import ConfigError, DatasetError
from training.shortages import shortage

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SUFFIXES = (*ARCHIVE_SUFFIXES, ".tar")
_THREADS = 16

Say = Callable[[str], None]


@contextmanager
def local_folder(data: str, download_dir: Path | None, say: Say) -> Iterator[Path]:
    """Give the image folder that `data` stands for; what was downloaded or unpacked goes away with the block.

    With `download_dir` it stays there, and what has not changed in S3 is not fetched again.

    Raises:
        ConfigError: `data` is in S3, but there is no boto3.
        DatasetError: there is nothing there, it cannot be read, or an archive cannot be trusted.
    """
    if not data.startswith("s3://") and not _is_archive(data):
        yield Path(data)
        return
    with tempfile.TemporaryDirectory(prefix="retriever-") as temporary:
        folder = (download_dir or Path(temporary)) / "data"
        path = _download(data, folder, say) if data.startswith("s3://") else Path(data)
        if _is_archive(path.name):
            # Unpacked anew each time: an archive's content may have changed under its name.
            path = _unpack(path, Path(temporary) / "unpacked", say)
        yield path


@contextmanager
def localised(config: TrainingConfig, say: Say) -> Iterator[TrainingConfig]:
    """Give `config` with `data` as a folder of this machine, for as long as the block runs."""
    if config.data is None:
        yield config
        return
    with local_folder(config.data, config.download_dir, say) as folder:
        yield replace(config, data=str(folder))


def _is_archive(name: str) -> bool:
    return name.lower().endswith(SUFFIXES)


def _unpack(path: Path, folder: Path, say: Say) -> Path:
    """Write each image of the archive `path` below `folder`, and nothing anywhere else."""
    count, folders = 0, list[str]()
    try:
        with open(path, "rb", buffering=0) as stream:
            for member in members(Archive(stream, path.name, path.stat().st_size), folders=folders):
                count += _write_member(member, folder, say)
        for name in folders:
            (folder / name).mkdir(parents=True, exist_ok=True)
    except errors.DatasetError as error:
        raise DatasetError(str(error)) from error
    except OSError as error:
        reason = shortage(error, [folder]) or error.strerror or error
        raise DatasetError(f"archive {str(path)!r} cannot be unpacked: {reason}") from error
    say(f"unpacked {count} images of {path.name}")
    return folder


def _write_member(member: Member, folder: Path, say: Say) -> bool:
    """Write an image or a table of labels; of another file the folder, so that a class without an image is noticed."""
    target = folder / member.path
    target.parent.mkdir(parents=True, exist_ok=True)
    if (problem := file_problem(member.path, member.size)) and not is_table(member.path, member.size):
        say(f"set aside {member.path!r}: {problem}")
        return False
    target.write_bytes(member.read())
    return not problem


def _download(uri: str, folder: Path, say: Say) -> Path:
    """Fetch the object or all objects below a prefix; return the archive's path or the folder."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    s3, failures = _client(uri)
    try:
        if _is_archive(key):
            target = folder / Path(key).name
            _fetch(s3, bucket, s3.head_object(Bucket=bucket, Key=key) | {"Key": key}, target)
            return target
        prefix = f"{key.rstrip('/')}/" if key.strip("/") else ""
        return _download_folder(s3, bucket, prefix, folder, say)
    except failures as error:
        raise DatasetError(
            f"data {uri!r} cannot be read: {' '.join(str(error).split())}; check the name, the credentials and the "
            "permissions s3:ListBucket and s3:GetObject"
        ) from error


def _download_folder(s3: "S3Client", bucket: str, prefix: str, folder: Path, say: Say) -> Path:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    objects: list[Any] = [entry for page in pages for entry in page.get("Contents", [])]
    targets: dict[Path, Any] = {}
    for entry in objects:
        name = entry["Key"].removeprefix(prefix)
        try:
            if name and not name.endswith("/"):
                targets[folder / safe_path(name)] = entry
        except errors.DatasetError as error:
            say(f"set aside {entry['Key']!r}: {error}")
    if not targets:
        raise DatasetError(f"no objects below 's3://{bucket}/{prefix}'; give a prefix that holds CLASS/*.jpg")
    if folder.is_dir():  # what was deleted in S3 since
        for path in [path for path in folder.rglob("*") if path.is_file() and path not in targets]:
            path.unlink()
    with ThreadPoolExecutor(_THREADS) as pool:
        fetched = sum(pool.map(lambda target: _fetch(s3, bucket, targets[target], target), targets))
    say(f"downloaded {fetched} of {len(targets)} objects below s3://{bucket}/{prefix}")
    return folder


def _fetch(s3: "S3Client", bucket: str, entry: Any, target: Path) -> bool:
    """Download an object unless `target` is that object already; its time of change says so, as in `aws s3 sync`."""
    changed = entry["LastModified"].timestamp()
    size = entry.get("Size", entry.get("ContentLength"))
    if target.is_file() and target.stat().st_size == size and int(target.stat().st_mtime) == int(changed):
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
    s3.download_file(bucket, entry["Key"], str(partial))
    os.utime(partial, (changed, changed))
    partial.replace(target)
    return True


def _client(uri: str) -> "tuple[S3Client, tuple[type[Exception], ...]]":
    """Return an S3 client and what it may raise."""
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError as error:
        raise ConfigError(f"data {uri!r} is in S3, and boto3 is not installed; pip install boto3") from error
    config = Config(max_pool_connections=_THREADS, retries={"mode": "standard", "total_max_attempts": 5})
    try:
        return boto3.client("s3", config=config), (BotoCoreError, ClientError, boto3.exceptions.Boto3Error)
    except BotoCoreError as error:
        raise ConfigError(f"data {uri!r}: {error}; set AWS_DEFAULT_REGION and credentials") from error
