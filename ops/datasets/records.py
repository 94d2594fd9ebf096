"""Records of runs' pictures, from S3 with the SHA-256 that a job of the run took, or from a file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from botocore.exceptions import ClientError

from datasets.errors import DatasetError
from datasets.pictures import Picture, read_record, record_lines
from handlers.ledger import Run
from ops.datasets.digests import pictures_read
from ops.datasets.on_disk import read_folder
from ops.errors import ExecutionError, error_code
from ops.runs import executions
from ops.session import Session
from ops.stack.stacks import Stack


@dataclass(frozen=True)
class RunRecord:
    """The pictures of a run by their path below `folder`, an S3 URI."""

    name: str
    folder: str
    pictures: Mapping[str, Picture]

    @property
    def dataset(self) -> str:
        """Return the dataset's name."""
        return self._parts[2]

    @property
    def is_staged(self) -> bool:
        """Tell whether the pictures came out of an archive, of which `folder` is an unpacked copy."""
        return self._parts[1] == "staged"

    @property
    def top(self) -> str:
        """Return the folders between the dataset and the pictures, with "/" at the end, or ""."""
        return "/".join(self._parts[4 if self.is_staged else 3 :])

    @property
    def _parts(self) -> list[str]:
        """Return BUCKET, staged, NAME, FINGERPRINT, ... or BUCKET, datasets, NAME, ..."""
        return self.folder.removeprefix("s3://").split("/")


def load(session: Session, stack: Stack, name: str | None) -> RunRecord:
    """Return the record of a run, of the latest one without a name.

    Raises:
        ExecutionError: there is no such run or record, or it is not the one that the run's row names.
    """
    run_name = executions.find_arn(session, stack, name).rpartition(":")[2]
    run = Run.get(executions.ledger(session, stack), run_name)
    bucket = stack.output("DataBucketName")
    key = f"runs/{run_name}/dataset/pictures.jsonl"
    try:
        body = session.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        if error_code(error) in {"NoSuchKey", "404"}:
            raise ExecutionError(_no_record(run_name, run, f"s3://{bucket}/{key}", session)) from error
        raise
    if run and run.pictures_sha256 and hashlib.sha256(body).hexdigest() != run.pictures_sha256:
        raise ExecutionError(
            f"run {run_name!r}: its record s3://{bucket}/{key} is not the one that was written; bring back its version"
        )
    record = _parsed(body.decode(), run_name)
    read = pictures_read(session, run) if run else {}
    pictures = {path: _joined(picture, read.get(path)) for path, picture in record.pictures.items()}
    return replace(record, pictures=pictures)


def _no_record(name: str, run: Run | None, s3_uri: str, session: Session) -> str:
    """Return why there is no record of a run's pictures."""
    others = f"see the others with `deploy.py data list{session.flags}`"
    if run and run.failed_state == "ValidateDataset":
        return f"run {name!r}: ended before its pictures were listed ({run.reason}); {others}"
    if run and run.is_open:
        return f"run {name!r}: has not listed its pictures yet; ask again in a moment, or {others}"
    return f"run {name!r}: has no record of its pictures at {s3_uri}; runs of older versions have none, {others}"


def from_file(path: Path) -> RunRecord:
    """Return a record that `data list RUN --out FILE` wrote.

    Raises:
        ExecutionError: it is none.
    """
    return _parsed(path.read_text(encoding="utf-8"), path.name)


def write_file(record: RunRecord, path: Path) -> None:
    """Write a record, to verify a folder by it where there is no AWS."""
    lines = record_lines(record.folder, record.pictures.values())
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _parsed(text: str, name: str) -> RunRecord:
    try:
        folder, pictures = read_record(text.splitlines())
        return RunRecord(name, folder, {picture.path: picture for picture in pictures})
    except DatasetError as error:
        raise ExecutionError(f"record of {name!r}: {error}") from error


def _joined(picture: Picture, trained: Picture | None) -> Picture:
    if trained is None:
        return picture
    return replace(picture, class_name=trained.class_name, split=trained.split, sha256=trained.sha256)


@dataclass(frozen=True)
class Verdict:
    """How a folder on disk differs from a record."""

    num_equal: int
    changed: list[str]
    missing: list[str]
    extra: list[str]
    by_md5: int = 0  # of those that are here: no job has read them, so the MD5 that their ETag is has to do
    by_size: int = 0  # nothing else is known of them

    @property
    def is_equal(self) -> bool:
        """Tell whether the folder holds the run's pictures, and no others."""
        return not (self.changed or self.missing or self.extra)


def verify(record: RunRecord, folder: Path) -> Verdict:
    """Compare the pictures of a folder with a record: by SHA-256, else by the MD5 that an ETag is, else by size."""
    files = read_folder(folder).files
    if not files.keys() & {record.top + path for path in record.pictures}:  # the inner folder itself was given
        files = {record.top + name: path for name, path in files.items()}
    wanted = {record.top + path: picture for path, picture in record.pictures.items()}
    both = sorted(wanted.keys() & files.keys())
    changed = [name for name in both if not _is_same(files[name], wanted[name])]
    missing, extra = sorted(wanted.keys() - files.keys()), sorted(files.keys() - wanted.keys())
    unhashed = [wanted[name] for name in both if not wanted[name].sha256]
    by_md5 = sum(_has_md5(picture) for picture in unhashed)
    return Verdict(len(both) - len(changed), changed, missing, extra, by_md5, len(unhashed) - by_md5)


def _has_md5(picture: Picture) -> bool:
    """Tell whether the ETag is the MD5 of the bytes, which one of a multipart upload is not."""
    return len(picture.etag) == 32


def _is_same(path: Path, picture: Picture) -> bool:
    if picture.size and path.stat().st_size != picture.size:
        return False
    content = path.read_bytes()
    if picture.sha256:
        return hashlib.sha256(content).hexdigest() == picture.sha256
    return not _has_md5(picture) or hashlib.md5(content, usedforsecurity=False).hexdigest() == picture.etag


def run_rows(session: Session, stack: Stack) -> list[list[str]]:
    """Return a row for every run, the newest first: name, dataset, start, status, pictures and fingerprint."""
    runs = sorted(Run.all(executions.ledger(session, stack)), key=lambda run: run.started_at or "", reverse=True)
    return [
        [
            run.execution_name,
            run.dataset or "",
            (run.started_at or "")[:19],
            run.status,
            "" if run.num_pictures is None else str(run.num_pictures),
            (run.fingerprint or "")[:12],
        ]
        for run in runs
    ]
