"""Records of runs' pictures, from S3 with the SHA-256 that the training job took, or from a file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from botocore.exceptions import ClientError

from datasets.errors import DatasetError
from datasets.pictures import Picture, read_record, record_lines
from handlers.ledger import Run
from ops.datasets.on_disk import read_folder
from ops.errors import ExecutionError, ReportError, error_code
from ops.runs import executions, fetched_reports
from ops.session import Session
from ops.stack.stacks import Stack


@dataclass(frozen=True)
class RunRecord:
    """The pictures of a run by their path below `folder`, an S3 URI."""

    name: str
    folder: str
    pictures: Mapping[str, Picture]

    @property
    def top(self) -> str:
        """Return the folders between the dataset and the pictures, with "/" at the end, or ""."""
        parts = self.folder.removeprefix("s3://").split("/")
        depth = 4 if parts[1:2] == ["staged"] else 3  # BUCKET/staged/NAME/FINGERPRINT/ or BUCKET/datasets/NAME/
        return "/".join(parts[depth:])


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
            raise ExecutionError(
                f"run {run_name!r}: has no record of its pictures at s3://{bucket}/{key}; runs of older versions have"
                f" none, see the others with `deploy.py data list{session.flags}`"
            ) from error
        raise
    if run and run.pictures_sha256 and hashlib.sha256(body).hexdigest() != run.pictures_sha256:
        raise ExecutionError(
            f"run {run_name!r}: its record s3://{bucket}/{key} is not the one that was written; bring back its version"
        )
    record = _parsed(body.decode(), run_name)
    return _with_digests(session, record, (run and run.training_job_name) or "")


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


def _with_digests(session: Session, record: RunRecord, training_job_name: str) -> RunRecord:
    """Add what the training job found out by reading every picture; without it the ETags have to do."""
    if not training_job_name:
        return record
    try:
        content = fetched_reports.output_of(session, training_job_name).get("pictures.jsonl")
        _, read = read_record(content.decode().splitlines()) if content else ("", iter(()))
        trained = {picture.path: picture for picture in read}
    except (ReportError, DatasetError):
        return record
    pictures = {path: _joined(picture, trained.get(path)) for path, picture in record.pictures.items()}
    return replace(record, pictures=pictures)


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
    return Verdict(len(both) - len(changed), changed, missing, extra)


def _is_same(path: Path, picture: Picture) -> bool:
    if picture.size and path.stat().st_size != picture.size:
        return False
    content = path.read_bytes()
    if picture.sha256:
        return hashlib.sha256(content).hexdigest() == picture.sha256
    is_md5 = len(picture.etag) == 32
    return not is_md5 or hashlib.md5(content, usedforsecurity=False).hexdigest() == picture.etag


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
