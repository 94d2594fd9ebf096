"""The identity of a dataset's content, the same for whoever computes it and in whatever order it is listed."""

import hashlib
from collections.abc import Iterable

from datasets.trees import File

MARKER = "_SUCCESS"  # uploaded last, it says that the folder is complete; it is no part of the data
UPLOADING = "_UPLOADING"  # lies beside the data while `deploy.py upload` is at it, and after one that was interrupted
SIGNS = frozenset({"", MARKER, UPLOADING})  # what lies in a folder, by its path there, and is no part of the data


class FolderDigest:
    """The fingerprint of a folder whose files are told of by their paths, in ascending order; nothing is kept."""

    def __init__(self) -> None:
        self._digest, self._last = hashlib.sha256(), ("", "")

    def add(self, path: str, size: int | None, content: str) -> None:
        """Count a file in; a folder's own entry does not count.

        Raises:
            ValueError: it belongs before one that was told of.
        """
        if (path, content) < self._last:
            raise ValueError(f"path {path!r} after {self._last[0]!r}; a folder's files are told of in ascending order")
        self._last = (path, content)
        if not path.endswith("/"):
            self._digest.update(f"{path}\0{size}\0{content}\n".encode())

    def fingerprint(self) -> str:
        """Return the SHA-256 over path, size and content of every file."""
        return self._digest.hexdigest()


def folder_fingerprint(files: Iterable[File]) -> str:
    """Return the SHA-256 over path, size and content of every file; they come in any order."""
    return ordered_fingerprint(sorted(files, key=lambda file: (file.path, file.content)))


def ordered_fingerprint(files: Iterable[File]) -> str:
    """Return the same of files that come by their paths, as S3 lists them.

    Raises:
        ValueError: they do not.
    """
    digest = FolderDigest()
    for file in files:
        digest.add(file.path, file.size, file.content)
    return digest.fingerprint()


def archive_fingerprint(archive: File) -> str:
    """Return the SHA-256 over an archive's size and content."""
    return hashlib.sha256(f"{archive.size}\0{archive.content}".encode()).hexdigest()
