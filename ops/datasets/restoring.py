"""Bring pictures of a run back: from the versions that the bucket keeps of what was overwritten or deleted."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from datasets.paths import safe_path
from datasets.pictures import Picture
from ops.datasets.records import RunRecord
from ops.errors import ExecutionError
from ops.session import Session


@dataclass
class Restored:
    """What was brought back, what was there still, and what no version is kept of."""

    restored: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Version:
    """One version of an object."""

    version_id: str
    etag: str
    is_latest: bool


def chosen(record: RunRecord, path: str) -> list[Picture]:
    """Return the picture at `path`, or those in the folder `path`; "." is all of them.

    Raises:
        ExecutionError: the run had none there.
    """
    wanted = path.strip("/").removeprefix(record.top)
    whole = wanted in ("", ".")
    pictures = [
        picture
        for name, picture in sorted(record.pictures.items())
        if whole or name == wanted or name.startswith(f"{wanted}/")
    ]
    if not pictures:
        raise ExecutionError(f"run {record.name!r}: had no picture {path!r}; see them with `deploy.py data list`")
    return pictures


def restore(session: Session, record: RunRecord, path: str, to: Path | None) -> Restored:
    """Put what the run had at `path` back to where it was in the bucket, or into the folder `to`.

    Raises:
        ExecutionError: the run had nothing there, or an archive is to be put together again.
    """
    if record.is_staged and to is None:
        raise ExecutionError(
            f"run {record.name!r}: read an archive, into which no picture can be put back; fetch them with --to FOLDER,"
            f" and upload that folder with `deploy.py upload FOLDER --dataset {record.dataset}`"
        )
    bucket, _, prefix = record.folder.removeprefix("s3://").partition("/")
    outcome = Restored()
    pictures = chosen(record, path)
    versions = _versions(session, bucket, prefix + (pictures[0].path if len(pictures) == 1 else ""))
    for picture in pictures:
        kept = versions.get(prefix + picture.path, [])
        same = next((version for version in kept if version.etag == picture.etag), None)
        if same is None:
            outcome.gone.append(picture.path)
        elif to is not None:
            _download(session, bucket, prefix + picture.path, same, to / safe_path(picture.path))
            outcome.restored.append(picture.path)
        elif any(version.is_latest and version.etag == picture.etag for version in kept):
            outcome.unchanged.append(picture.path)
        else:
            key = prefix + picture.path
            source = {"Bucket": bucket, "Key": key, "VersionId": same.version_id}
            session.s3.copy_object(Bucket=bucket, Key=key, CopySource=source)  # type: ignore[arg-type]
            outcome.restored.append(picture.path)
    return outcome


def content(session: Session, record: RunRecord, picture: Picture) -> bytes | None:
    """Return the bytes that the run had; None where no version of them is kept."""
    bucket, _, prefix = record.folder.removeprefix("s3://").partition("/")
    key = prefix + picture.path
    for version in _versions(session, bucket, key).get(key, []):
        if version.etag == picture.etag:
            answer = session.s3.get_object(Bucket=bucket, Key=key, VersionId=version.version_id)
            return answer["Body"].read()
    return None


def _versions(session: Session, bucket: str, prefix: str) -> dict[str, list[Version]]:
    """Return the versions of every object below `prefix`, the newest first; a deletion is none."""
    versions: dict[str, list[Version]] = {}
    for page in session.s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
        for entry in page.get("Versions", []):
            version = Version(entry["VersionId"], entry["ETag"].strip('"'), entry["IsLatest"])
            versions.setdefault(entry["Key"], []).append(version)
    return versions


def _download(session: Session, bucket: str, key: str, version: Version, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    answer = session.s3.get_object(Bucket=bucket, Key=key, VersionId=version.version_id)
    target.write_bytes(answer["Body"].read())
