"""What is on disk before an upload: is this folder or archive an image dataset?

The rules are those of the state ValidateDataset; here a person learns in a second what an hour later would be an
obvious mistake.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from datasets.archives import ARCHIVE_SUFFIXES, Archive, members
from datasets.errors import DatasetError
from datasets.gate import check_layout
from datasets.layout import File, read_layout
from datasets.paths import is_image_name, is_litter
from ops.errors import UploadError

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_MIN_IMAGES = 1  # a class; the stack may ask for more


@dataclass(frozen=True)
class ImageFolder:
    """A folder to upload: each picture's path below it -> the file; `num_skipped` counts the other files."""

    files: dict[str, Path]
    num_skipped: int


def check(path: Path, dataset: str) -> ImageFolder | None:
    """Look at what is to be uploaded; return the folder's pictures, or None for an archive.

    Raises:
        UploadError: it is neither an image folder nor an archive of one, or the name is not usable.
    """
    if not _NAME.fullmatch(dataset):
        raise UploadError(
            f"dataset name {dataset!r}: expected at most 63 letters, digits, '_', '.' and '-',"
            " a letter or digit first and last"
        )
    if path.is_dir():
        return check_folder(path)
    if not archive_suffix(path):
        raise UploadError(f"{str(path)!r}: expected a folder or an archive ({', '.join(ARCHIVE_SUFFIXES)})")
    check_archive(path)
    return None


def archive_suffix(path: Path) -> str:
    """Return ".zip", ".tar.gz" or ".tgz", or "" for anything else."""
    return next((suffix for suffix in ARCHIVE_SUFFIXES if path.name.lower().endswith(suffix)), "")


def check_folder(folder: Path) -> ImageFolder:
    """List the pictures of a folder that is an image dataset.

    Raises:
        UploadError: it is none.
    """
    visible = _visible_files(folder)
    require_dataset(str(folder), [File(name, path.stat().st_size) for name, path in visible.items()])
    return _pictures(visible)


def read_folder(folder: Path) -> ImageFolder:
    """List the pictures of `folder`, whether it is an image dataset or not."""
    return _pictures(_visible_files(folder))


def _visible_files(folder: Path) -> dict[str, Path]:
    paths = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: path for name, path in sorted(paths.items()) if not any(map(is_litter, name.split("/")))}


def _pictures(visible: dict[str, Path]) -> ImageFolder:
    pictures = {name: path for name, path in visible.items() if is_image_name(name)}
    return ImageFolder(pictures, len(visible) - len(pictures))


def check_archive(path: Path) -> None:
    """Read an archive to its end, which takes a fraction of the time that sending it would.

    Raises:
        UploadError: it is broken, empty, or not an image dataset.
    """
    files: list[File] = []
    try:
        with path.open("rb", buffering=0) as stream:
            for member in members(Archive(stream, str(path), path.stat().st_size)):
                member.check()
                files.append(File(member.path, member.size))
    except DatasetError as error:
        raise UploadError(str(error)) from error
    except OSError as error:
        raise UploadError(f"archive {str(path)!r}: {error.strerror or error}; make it again") from error
    require_dataset(str(path), files)


def require_dataset(source: str, files: Sequence[File]) -> None:
    """Refuse what ValidateDataset would refuse, whatever the stack's parameters are.

    Raises:
        UploadError: in the sentence that the state would end with.
    """
    try:
        check_layout(read_layout(files), source, _MIN_IMAGES)
    except DatasetError as error:
        raise UploadError(str(error)) from error
