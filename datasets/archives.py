"""The members of a zip or tar, one after the other, without trusting a single field of it.

Nothing is extracted: each member is handed on as bytes, with a path that stays below whatever folder it is put in.
`tarfile`'s and `zipfile`'s own extraction is not used, since its filters have been escaped before.
"""

import gzip
import io
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

from datasets.errors import ArchiveError
from datasets.paths import safe_path

ARCHIVE_SUFFIXES = (".zip", ".tar.gz", ".tgz")
_FLOOR_BYTES = 10 * 1024 * 1024  # a small archive of equal files may well compress beyond MAX_RATIO
_MAX_HEADER_BYTES = 1024 * 1024
_LONG_HEADERS = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
_BROKEN = (tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError, UnicodeDecodeError)


@dataclass(frozen=True)
class Archive:
    """Where an archive's bytes come from."""

    stream: io.RawIOBase  # seekable
    name: str  # its suffix says what it is, and it is named in every message
    size: int  # bytes


@dataclass(frozen=True)
class Limits:
    """How much an archive may hold. The defaults are far above any image dataset a Lambda can unpack in time."""

    members: int = 500_000
    total_bytes: int = 64 * 1024**3
    ratio: int = 200  # unpacked against packed bytes; photographs hardly compress
    central_directory_bytes: int = 128 * 1024**2


@dataclass(frozen=True)
class Member:
    """A regular file in an archive; `read` unpacks at most `size` bytes and works until the next member is taken."""

    path: str
    size: int
    read: Callable[[], bytes]


def is_archive(key: str) -> bool:
    """Tell whether an object is an archive by its name."""
    return key.lower().endswith(ARCHIVE_SUFFIXES)


def members(archive: Archive, limits: Limits | None = None) -> Iterator[Member]:
    """Yield the regular files of `archive`; folders are passed over.

    Raises:
        ArchiveError: the archive is empty, truncated, none at all, larger than `limits`, or holds a member that is
            no regular file or that points outside.
    """
    if archive.size == 0:
        raise ArchiveError(f"archive {archive.name!r} has 0 bytes; upload it again")
    read_members = _zip_members if archive.name.lower().endswith(".zip") else _tar_members
    found = 0
    with _worded(archive.name):
        for member in read_members(archive, limits or Limits()):
            found += 1
            yield Member(member.path, member.size, _worded(archive.name)(member.read))
    if found == 0:
        raise ArchiveError(f"archive {archive.name!r} holds no file; expected folders named after classes with images")


@contextmanager
def _worded(name: str) -> Iterator[None]:
    """Turn what the archive modules raise, here or while a member is read, into one sentence."""
    try:
        yield
    except _BROKEN as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise ArchiveError(f"archive {name!r} cannot be read: {said}; pack and upload it again") from error
    except (NotImplementedError, RuntimeError, ValueError, OverflowError) as error:
        # zipfile's words for encryption and unknown methods, tarfile's for impossible numbers in a header.
        raise ArchiveError(f"archive {name!r}: {error}; pack it as a plain zip or tar.gz") from error


class _Budget:
    """Counts what an archive unpacks to and refuses more than its limits."""

    def __init__(self, archive: Archive, limits: Limits) -> None:
        self._archive, self._limits = archive, limits
        self._members = self._bytes = 0
        self._most = min(limits.total_bytes, archive.size * limits.ratio + _FLOOR_BYTES)

    def add_member(self) -> None:
        self._members += 1
        if self._members > self._limits.members:
            raise ArchiveError(
                f"archive {self._archive.name!r} has more than {self._limits.members} members; upload it as a folder"
            )

    def add_bytes(self, count: int) -> None:
        self._bytes += count
        if self._bytes > self._most:
            raise ArchiveError(
                f"archive {self._archive.name!r} of {self._archive.size} bytes unpacks to more than {self._most} "
                "bytes; upload it as a folder if that is right"
            )


def _zip_members(source: Archive, limits: Limits) -> Iterator[Member]:
    budget = _Budget(source, limits)
    with _CappedReads(source.stream, limits.central_directory_bytes) as stream, zipfile.ZipFile(stream) as archive:
        for info in sorted(archive.infolist(), key=lambda i: i.header_offset):
            budget.add_member()
            path = safe_path(info.filename)
            mode = info.external_attr >> 16
            if info.is_dir():
                continue
            if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
                raise ArchiveError(
                    f"archive member {path!r} is no regular file; archives may hold files and folders only"
                )
            budget.add_bytes(info.file_size)
            yield Member(path, info.file_size, lambda info=info: _read_zip_member(archive, info))  # type: ignore[misc]


def _read_zip_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    with archive.open(info) as member:
        return member.read()  # ends at the size that the directory states, then checks the CRC


def _tar_members(source: Archive, limits: Limits) -> Iterator[Member]:
    stream = io.BufferedReader(source.stream, 1024 * 1024)
    try:
        yield from _buffered_tar_members(source, stream, _Budget(source, limits))
    finally:
        stream.detach()  # which closes nothing: the stream is the caller's


def _buffered_tar_members(source: Archive, stream: "io.BufferedReader[Any]", budget: _Budget) -> Iterator[Member]:
    is_plain = source.name.lower().endswith(".tar")
    unpacked = _CountedReads(stream if is_plain else gzip.GzipFile(fileobj=stream), budget)
    with tarfile.open(fileobj=unpacked, mode="r|", tarinfo=_StrictTarInfo) as archive:
        while info := archive.next():
            archive.members.clear()  # type: ignore[attr-defined]  # the stream is read once, so the list would only grow
            budget.add_member()
            path = safe_path(info.name)
            if info.isdir():
                continue
            if not info.isreg() or info.issparse():
                raise ArchiveError(
                    f"archive member {path!r} is no regular file; archives may hold files and folders only"
                )
            yield Member(path, info.size, lambda info=info: _read_tar_member(archive, info))  # type: ignore[misc]
    while unpacked.read(1024 * 1024):  # what follows the last member must be sound too: gzip's checksum is at the end
        pass


def _read_tar_member(archive: tarfile.TarFile, info: tarfile.TarInfo) -> bytes:
    stream = archive.extractfile(info)
    data = stream.read() if stream else b""
    if len(data) != info.size:
        raise EOFError(f"member {info.name!r} ends after {len(data)} of {info.size} bytes")
    return data


class _StrictTarInfo(tarfile.TarInfo):
    """Raises where tarfile would take a damaged header for the archive's end, or read a header of any size."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        info = super().frombuf(buf, encoding, errors)
        if info.type in _LONG_HEADERS and info.size > _MAX_HEADER_BYTES:
            raise ArchiveError(f"archive has a header of {info.size} bytes; at most {_MAX_HEADER_BYTES} are read")
        return info

    @classmethod
    def fromtarfile(cls, tarfile_: tarfile.TarFile) -> Self:
        try:
            return super().fromtarfile(tarfile_)
        except (tarfile.InvalidHeaderError, tarfile.TruncatedHeaderError) as error:  # type: ignore[attr-defined]
            raise tarfile.ReadError(f"damaged header: {error}") from error


class _CountedReads(io.RawIOBase):
    """Counts every unpacked byte against the budget, those of skipped members too."""

    def __init__(self, stream: io.BufferedIOBase, budget: _Budget) -> None:
        super().__init__()
        self._stream, self._budget = stream, budget

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._budget.add_bytes(len(data))
        return data


class _CappedReads(io.BufferedReader):
    """Refuses a single huge read, which is how a forged central directory would take all memory."""

    def __init__(self, source: io.RawIOBase, most: int) -> None:
        super().__init__(source, 64 * 1024)
        self._most = most

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > self._most:
            raise ArchiveError(f"archive has a directory of {size} bytes; at most {self._most} are read")
        return super().read(size)
