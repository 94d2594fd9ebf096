"""Uploads: a folder is synchronised with `datasets/NAME/`, `_SUCCESS` last; an archive becomes one object."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from datasets.archives import ARCHIVE_SUFFIXES
from datasets.fingerprint import MARKER
from handlers.ledger import Dataset, Pending
from ops.errors import UploadError
from ops.imagesets import ImageFolder, archive_suffix, check_archive, check_folder
from ops.runs import executions
from ops.session import MAX_CONNECTIONS, Session
from ops.stack.stacks import Stack

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_MULTIPART_BYTES = 8 * 1024 * 1024
_MAX_QUEUED_SECONDS = 24 * 3600.0
_CONTENT_TYPES = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".gif": "image/gif",
    ".webp": "image/webp",
}

Advance = Callable[[int], None]


class Records(NamedTuple):
    """What the stack knows of a dataset: its uploads and executions, and its place in the queue."""

    latest: Dataset
    pending: Pending | None


@dataclass(frozen=True)
class Transfer:
    """What an upload has to do, and which pictures are in the bucket already."""

    puts: dict[str, Path]
    deletes: tuple[str, ...]
    num_unchanged: int


@dataclass(frozen=True)
class Reaction:
    """What the upload led to: an execution that started, or a sentence that says why none did."""

    execution_arn: str
    sentence: str


def check(path: Path, dataset: str) -> ImageFolder | None:
    """Look at what is to be uploaded; return the folder's pictures, or None for an archive.

    Raises:
        UploadError: it is neither an image folder nor an archive of one, or the name is not usable.
    """
    if not _NAME.fullmatch(dataset):
        raise UploadError(
            f"dataset name {dataset!r}: expected at most 63 letters, digits, '_', '.' and '-', a letter or digit first"
        )
    if path.is_dir():
        return check_folder(path)
    if not archive_suffix(path):
        raise UploadError(f"{str(path)!r}: expected a folder or an archive ({', '.join(ARCHIVE_SUFFIXES)})")
    check_archive(path)
    return None


def require_idle(session: Session, stack: Stack, dataset: str, *, queue: bool, say: Callable[[str], None]) -> None:
    """Refuse, or with `queue` wait, while an execution reads the dataset: it must never see two versions mixed.

    Raises:
        UploadError: an execution of this dataset is running and `queue` is off.
    """
    for entry in executions.running(session, stack):
        if executions.dataset_of(session, entry["executionArn"]) != dataset:
            continue
        if not queue:
            raise UploadError(
                f"dataset {dataset!r}: execution {entry['name']!r} is reading it; wait for its end with"
                f" `deploy.py watch{session.flags}`, or add --queue to upload as soon as it has ended"
            )
        say(f"execution {entry['name']!r} is reading dataset {dataset!r}; the upload begins when it has ended")
        executions.wait_until_ended(session, entry["executionArn"], _MAX_QUEUED_SECONDS)


def compare(session: Session, bucket: str, dataset: str, folder: ImageFolder) -> Transfer:
    """Compare `folder` with what the bucket has; equal means equal size and MD5, which S3 keeps as the ETag."""
    prefix = f"datasets/{dataset}/"
    there = _objects(session, bucket, prefix)
    puts = {name: path for name, path in folder.files.items() if not _is_same(there.get(name), path)}
    gone = tuple(sorted(set(there) - set(folder.files) - {MARKER, ""}))
    return Transfer(puts, gone, len(folder.files) - len(puts))


def upload_folder(session: Session, bucket: str, dataset: str, transfer: Transfer, advance: Advance) -> None:
    """Make `datasets/DATASET/` equal to the folder. The old marker goes first and the new one comes last, so that the
    dataset is never taken for complete in between.
    """
    prefix = f"datasets/{dataset}/"
    session.s3.delete_object(Bucket=bucket, Key=prefix + MARKER)
    jobs = (
        lambda name=name, path=path: _put(session, bucket, prefix + name, path) for name, path in transfer.puts.items()
    )
    _in_parallel(jobs, advance)
    for start in range(0, len(transfer.deletes), 1000):
        keys = transfer.deletes[start : start + 1000]
        session.s3.delete_objects(
            Bucket=bucket, Delete={"Objects": [{"Key": prefix + key} for key in keys], "Quiet": True}
        )
    session.s3.put_object(Bucket=bucket, Key=prefix + MARKER, Body=b"")


def upload_archive(session: Session, bucket: str, dataset: str, path: Path, advance: Advance) -> None:
    """Put an archive as `datasets/DATASET.zip`, `.tar.gz` or `.tgz`; `advance` is told the bytes sent."""
    session.s3.upload_file(
        str(path), bucket, f"datasets/{dataset}{archive_suffix(path)}", Callback=lambda sent: advance(int(sent))
    )


def records(session: Session, stack: Stack, dataset: str) -> Records:
    """Return what the stack knows of the dataset."""
    ledger = executions.ledger(session, stack)
    return Records(Dataset.get(ledger, dataset) or Dataset(dataset), Pending.get(ledger, dataset))


def wait_for_reaction(
    session: Session,
    stack: Stack,
    dataset: str,
    before: Records,
) -> Reaction:
    """Wait until the upload has started an execution, was queued, or was skipped.

    Raises:
        UploadError: nothing happened within a minute.
    """
    seconds = 30.0 if session.is_local else 60.0
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        reaction = _reaction(stack, dataset, before, records(session, stack, dataset))
        if reaction is not None:
            return reaction
        time.sleep(min(session.poll_seconds, 1.0) / 2)
    raise UploadError(
        f"dataset {dataset!r}: uploaded, but no execution started within {seconds:.0f} s;"
        f" see `deploy.py logs start-execution{session.flags}`"
    )


def _reaction(
    stack: Stack,
    dataset: str,
    before: Records,
    now: Records,
) -> Reaction | None:
    """Tell from the items before and after what start_execution has done; None while it has done nothing.

    It notes the event's sequencer first, then the execution, the reason of a skip, or the dataset in the queue.
    """
    latest, pending = now
    name = latest.execution_name
    if name and name != before.latest.execution_name:
        machine_arn = stack.output("StateMachineArn")
        return Reaction(f"{machine_arn.replace(':stateMachine:', ':execution:')}:{name}", "")
    if pending and pending != before.pending:
        return Reaction(
            "", f"dataset {dataset!r} is queued: another execution runs, and this one starts when it has ended"
        )
    was_handled = latest.sequencer != before.latest.sequencer
    if was_handled and latest.skip_reason and (latest.skipped_at or "") >= (latest.uploaded_at or ""):
        return Reaction("", latest.skip_reason)
    return None


def _objects(session: Session, bucket: str, prefix: str) -> dict[str, tuple[int, str]]:
    pages = session.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    entries = (entry for page in pages for entry in page.get("Contents", []))
    return {entry["Key"].removeprefix(prefix): (entry["Size"], entry["ETag"].strip('"')) for entry in entries}


def _is_same(there: tuple[int, str] | None, path: Path) -> bool:
    if there is None or there[0] != path.stat().st_size:
        return False
    return there[1] == hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def _put(session: Session, bucket: str, key: str, path: Path) -> None:
    content_type = _CONTENT_TYPES.get(path.suffix.lower(), "application/octet-stream")
    if path.stat().st_size >= _MULTIPART_BYTES:
        session.s3.upload_file(str(path), bucket, key, ExtraArgs={"ContentType": content_type})
    else:
        session.s3.put_object(Bucket=bucket, Key=key, Body=path.read_bytes(), ContentType=content_type)


def _in_parallel(jobs: Iterable[Callable[[], None]], advance: Advance) -> None:
    """Run `jobs`, at most twice as many submitted as run at once; the first error ends it."""
    with ThreadPoolExecutor(MAX_CONNECTIONS) as pool:
        pending: set[Future[None]] = set()
        try:
            for job in jobs:
                pending.add(pool.submit(job))
                if len(pending) >= 2 * MAX_CONNECTIONS:
                    pending = _collect(pending, advance)
            while pending:
                pending = _collect(pending, advance)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _collect(pending: set[Future[None]], advance: Advance) -> set[Future[None]]:
    done, rest = wait(pending, return_when=FIRST_COMPLETED)
    for future in done:
        future.result()
    advance(len(done))
    return rest


def describe(transfer: Transfer, num_skipped: int) -> str:
    """Return one line about what an upload is going to do."""
    parts: Mapping[str, int] = {
        "to upload": len(transfer.puts),
        "unchanged": transfer.num_unchanged,
        "to delete": len(transfer.deletes),
        "files that are not pictures left out": num_skipped,
    }
    return ", ".join(f"{number} {what}" for what, number in parts.items() if number or what == "to upload")
