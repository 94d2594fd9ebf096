"""The identity of a dataset's content, the same for whoever computes it and in whatever order it is listed."""

import hashlib
from collections.abc import Iterable

from datasets.layout import File

MARKER = "_SUCCESS"  # uploaded last, it says that the folder is complete; it is no part of the data
UPLOADING = "_UPLOADING"  # lies beside the data while `deploy.py upload` is at it, and after one that was interrupted
SIGNS = frozenset({"", MARKER, UPLOADING})  # what lies in a folder, by its path there, and is no part of the data


def folder_fingerprint(files: Iterable[File]) -> str:
    """Return the SHA-256 over path, size and content of every file; folders' own entries do not count."""
    digest = hashlib.sha256()
    for file in sorted(files, key=lambda file: (file.path, file.content)):
        if not file.path.endswith("/"):
            digest.update(f"{file.path}\0{file.size}\0{file.content}\n".encode())
    return digest.hexdigest()


def archive_fingerprint(archive: File) -> str:
    """Return the SHA-256 over an archive's size and content."""
    return hashlib.sha256(f"{archive.size}\0{archive.content}".encode()).hexdigest()
