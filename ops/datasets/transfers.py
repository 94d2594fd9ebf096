"""Transfers: a folder is synchronised with `datasets/NAME/`, `_SUCCESS` last; an archive becomes one object."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock

from datasets.fingerprint import MARKER, SIGNS, UPLOADING
from datasets.limits import CONTENT_TYPES
from ops.datasets.on_disk import ImageFolder, archive_suffix
from ops.datasets.puts import Puts
from ops.session import MAX_CONNECTIONS, Session

_MULTIPART_BYTES = 8 * 1024 * 1024

Advance = Callable[[int], None]


@dataclass(frozen=True)
class Transfer:
    """What an upload has to do, and which pictures are in the bucket already."""

    puts: dict[str, Path]
    deletes: tuple[str, ...]
    num_unchanged: int


def compare(session: Session, bucket: str, dataset: str, folder: ImageFolder) -> Transfer:
    """Compare `folder` with what the bucket has; equal means equal size and MD5, which S3 keeps as the ETag."""
    prefix = f"datasets/{dataset}/"
    there = _objects(session, bucket, prefix)
    puts = {name: path for name, path in folder.files.items() if not _is_same(there.get(name), path)}
    gone = tuple(sorted(set(there) - set(folder.files) - SIGNS))
    return Transfer(puts, gone, len(folder.files) - len(puts))


def upload_folder(session: Session, bucket: str, dataset: str, transfer: Transfer, advance: Advance) -> None:
    """Make `datasets/DATASET/` equal to the folder. The old marker goes first and the new one comes last, so that the
    dataset is never taken for complete in between; a sign says so meanwhile, and stays if the upload is interrupted.
    """
    prefix = f"datasets/{dataset}/"
    with Puts(session, bucket, prefix) as puts:
        puts.begin(UPLOADING)
        session.s3.delete_object(Bucket=bucket, Key=prefix + MARKER)
        jobs = (
            lambda name=name, path=path: _put(session, bucket, prefix, puts, name, path)
            for name, path in transfer.puts.items()
        )
        _in_parallel(jobs, advance)
    for start in range(0, len(transfer.deletes), 1000):
        keys = transfer.deletes[start : start + 1000]
        session.s3.delete_objects(
            Bucket=bucket, Delete={"Objects": [{"Key": prefix + key} for key in keys], "Quiet": True}
        )
    session.s3.put_object(Bucket=bucket, Key=prefix + MARKER, Body=b"")
    session.s3.delete_object(Bucket=bucket, Key=prefix + UPLOADING)


def upload_archive(session: Session, bucket: str, dataset: str, path: Path, advance: Advance) -> None:
    """Put an archive as `datasets/DATASET.zip`, `.tar.gz` or `.tgz`; `advance` is told the bytes sent."""
    session.s3.upload_file(
        str(path), bucket, f"datasets/{dataset}{archive_suffix(path)}", Callback=lambda sent: advance(int(sent))
    )


def describe(transfer: Transfer, num_skipped: int) -> str:
    """Return one line about what an upload is going to do."""
    parts: Mapping[str, int] = {
        "to upload": len(transfer.puts),
        "unchanged": transfer.num_unchanged,
        "to delete": len(transfer.deletes),
        "files that are not pictures left out": num_skipped,
    }
    return ", ".join(f"{number} {what}" for what, number in parts.items() if number or what == "to upload")


def _objects(session: Session, bucket: str, prefix: str) -> dict[str, tuple[int, str]]:
    pages = session.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    entries = (entry for page in pages for entry in page.get("Contents", []))
    return {entry["Key"].removeprefix(prefix): (entry["Size"], entry["ETag"].strip('"')) for entry in entries}


def _is_same(there: tuple[int, str] | None, path: Path) -> bool:
    if there is None or there[0] != path.stat().st_size:
        return False
    return there[1] == hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def _put(session: Session, bucket: str, prefix: str, puts: Puts, name: str, path: Path) -> None:
    content_type = CONTENT_TYPES.get(path.suffix.lower(), "application/octet-stream")
    if path.stat().st_size >= _MULTIPART_BYTES:
        session.s3.upload_file(str(path), bucket, prefix + name, ExtraArgs={"ContentType": content_type})
    else:
        puts.put(name, path.read_bytes(), content_type)


def _in_parallel(jobs: Iterable[Callable[[], None]], advance: Advance) -> None:
    """Run `jobs` on threads that each take the next one; the first error ends it.

    A pool's futures would be waited for by the dozen after each small file, which cost a quarter of an upload.
    """
    waiting, taking, ended = iter(jobs), Lock(), Event()

    def work() -> None:
        try:
            while (job := _next(waiting, taking, ended)) is not None:
                job()
                advance(1)
        except BaseException:
            ended.set()
            raise

    with ThreadPoolExecutor(MAX_CONNECTIONS) as pool:
        try:
            for future in [pool.submit(work) for _ in range(MAX_CONNECTIONS)]:
                future.result()
        finally:
            ended.set()


def _next(waiting: Iterator[Callable[[], None]], taking: Lock, ended: Event) -> Callable[[], None] | None:
    """Return the next job; None when there is no more, or none is to begin."""
    with taking:
        return None if ended.is_set() else next(waiting, None)
