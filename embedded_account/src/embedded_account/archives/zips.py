"""The files of a zip that a function's code is made of.

Of zipfile's methods those two are taken that give no more at once than is asked for; its list of members is made only
where that takes little memory.
"""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from embedded_account.archives import ArchiveError

_MAX_DIRECTORY_BYTES = 4 << 20  # of the list at the end; 30,000 files of usual names
_MAX_MEMBERS = 40_000
_END = struct.Struct("<4s4H2LH")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR_BYTES = 20  # between the two
_MAX_COMMENT_BYTES = 1 << 16
_PIECE = 1 << 20
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_BROKEN = (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, EOFError, struct.error, zlib.error)


class ArchiveSizeError(ArchiveError):
    """It would unpack to more than it may."""


def extract(archive: bytes, folder: Path, max_bytes: int) -> None:
    """Write the files of the zip `archive` into the new folder `folder`; a link is written as the file of its text.

    Raises:
        ArchiveSizeError: they take more than `max_bytes`.
        ArchiveError: it is damaged or encrypted, or a name in it cannot be one.
        OSError: a file cannot be written.
    """
    with _opened(archive) as file:
        members = [member for member in file.infolist() if not member.is_dir()]
        if len(members) > _MAX_MEMBERS:
            raise ArchiveError(f"it has more than {_MAX_MEMBERS} members")
        if sum(member.file_size for member in members) > max_bytes:
            raise ArchiveSizeError(f"it unpacks to more than {max_bytes} bytes")
        folder.mkdir()
        for member in members:
            _write(file, member, folder)


def stated_bytes(archive: bytes) -> int:
    """Return what the zip `archive` says that it unpacks to.

    Raises:
        ArchiveError: it is damaged.
    """
    with _opened(archive) as file:
        return sum(member.file_size for member in file.infolist())


@contextmanager
def _opened(archive: bytes) -> Iterator[zipfile.ZipFile]:
    """Give the archive with its list of members; what is wrong with it while it is used is an ArchiveError."""
    _check_directory(archive)
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as file:
            yield file
    except _BROKEN as error:
        raise ArchiveError(f"{type(error).__name__}: {error}") from error


def _write(file: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path) -> None:
    if member.compress_type not in _METHODS:
        raise ArchiveError(f"member {member.filename[:100]!r} is compressed by another method than deflate")
    try:
        path = Path(file.extract(member, folder))  # keeps names inside the folder, makes no links
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise ArchiveError(f"member {member.filename[:100]!r} is a file and a folder as well") from error
    path.chmod(((member.external_attr >> 16) & 0o777) | 0o644)


def _check_directory(archive: bytes) -> None:
    """Refuse a list of members that would take much memory before it is read.

    Source: PKWARE's APPNOTE.TXT, 4.3.16, end of central directory record.
    """
    tail = archive[-_MAX_COMMENT_BYTES - _END.size - _LOCATOR_BYTES - _END_64.size :]
    at = tail.rfind(b"PK\5\6")
    while at >= 0:
        if max(_stated(tail, at)) > _MAX_DIRECTORY_BYTES:
            raise ArchiveError(f"its list of members has more than {_MAX_DIRECTORY_BYTES} bytes")
        at = tail.rfind(b"PK\5\6", 0, at)


def _stated(tail: bytes, at: int) -> tuple[int, int]:
    """Return how long the list is by the record at `at`, and by the one of zip64 before it, which wins where it is."""
    plain = _END.unpack_from(tail, at)[5] if len(tail) - at >= _END.size else 0
    before = at - _LOCATOR_BYTES - _END_64.size
    if before < 0 or tail[at - _LOCATOR_BYTES :][:4] != b"PK\6\7":
        return plain, 0
    return 0, int(_END_64.unpack_from(tail, before)[8])
