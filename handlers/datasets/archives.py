"""The members of an archive in S3, read through ranges of the object, with this package's errors."""

from collections.abc import Callable, Iterator

from datasets import archives
from datasets.archives import Archive, Limits, Member
from handlers.aws.objects import S3Object, SeekableObject
from handlers.datasets.refusals import as_dataset_error


def members(
    bucket: str, archive: S3Object, limits: Limits | None = None, folders: list[str] | None = None
) -> Iterator[Member]:
    """Yield the regular files of `archive`; folders are added to `folders`.

    Raises:
        DatasetError: as `datasets.archives.ArchiveError`.
    """
    source = Archive(SeekableObject(bucket, archive), archive.key, archive.size)
    with as_dataset_error():
        for member in archives.members(source, limits, folders=folders):
            yield Member(member.path, member.size, _reader(member))


def _reader(member: Member) -> Callable[[], bytes]:
    return as_dataset_error()(member.read)
