"""The members of an archive in S3, read through ranges of the object, with this package's errors."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from archives import members as reading
from archives.members import ARCHIVE_SUFFIXES, Archive, ArchiveError, Limits, Member, is_archive
from handlers.aws.objects import S3Object, SeekableObject
from handlers.contract.errors import DatasetError

__all__ = ["ARCHIVE_SUFFIXES", "Limits", "Member", "is_archive", "members", "safe_path"]


def members(bucket: str, archive: S3Object, limits: Limits | None = None) -> Iterator[Member]:
    """Yield the regular files of `archive`; folders are passed over.

    Raises:
        DatasetError: as `archives.members.ArchiveError`.
    """
    source = Archive(SeekableObject(bucket, archive), archive.key, archive.size)
    with _as_dataset_error():
        for member in reading.members(source, limits):
            yield Member(member.path, member.size, _reader(member))


def safe_path(name: str) -> str:
    """Return a member's or object's relative path with forward slashes.

    Raises:
        DatasetError: it is absolute, climbs with "..", or holds control characters.
    """
    with _as_dataset_error():
        return reading.safe_path(name)


def _reader(member: Member) -> Callable[[], bytes]:
    return _as_dataset_error()(member.read)


@contextmanager
def _as_dataset_error() -> Iterator[None]:
    try:
        yield
    except ArchiveError as error:
        raise DatasetError(str(error)) from error
