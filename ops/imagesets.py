"""What is on disk before an upload: is this folder or archive an image dataset?

An image dataset has pictures in TRAIN_OR_VALID_OR_TEST/CLASS/ or, without splits, in CLASS/. The state ValidateDataset
decides about every detail; here a person learns in one second what an hour later would be an obvious mistake.
"""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ops.errors import UploadError

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".gif", ".webp"})
ARCHIVE_SUFFIXES = (".zip", ".tar.gz", ".tgz")
SPLITS = frozenset({"train", "valid", "validation", "val", "test"})
_EXPECTED = "expected pictures in train/CLASS/ and test/CLASS/ (valid/CLASS/ too, or not), or in CLASS/"


@dataclass(frozen=True)
class ImageFolder:
    """A folder to upload: each picture's path below it -> the file; `num_skipped` counts the other files."""

    files: dict[str, Path]
    num_skipped: int


def archive_suffix(path: Path) -> str:
    """Return ".zip", ".tar.gz" or ".tgz", or "" for anything else."""
    return next((suffix for suffix in ARCHIVE_SUFFIXES if path.name.lower().endswith(suffix)), "")


def read_folder(folder: Path) -> ImageFolder:
    """List the pictures of `folder`.

    Raises:
        UploadError: it is not an image dataset.
    """
    found = {path.relative_to(folder).as_posix(): path for path in _visible_files(folder)}
    pictures = {name: path for name, path in found.items() if _is_picture(name)}
    require_classes(str(folder), pictures)
    return ImageFolder(dict(sorted(pictures.items())), len(found) - len(pictures))


def check_archive(path: Path) -> None:
    """Look through the names in an archive.

    Raises:
        UploadError: it is broken, empty, or not an image dataset.
    """
    try:
        names = _zip_names(path) if path.name.lower().endswith(".zip") else _tar_names(path)
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, OSError) as error:
        raise UploadError(f"archive {str(path)!r}: cannot be read to its end ({error}); make it again") from error
    pictures = [name for name in names if _is_picture(name) and not _is_hidden(PurePosixPath(name))]
    require_classes(str(path), pictures)


def require_classes(source: str, names: Iterable[str]) -> None:
    """Refuse `names` of pictures that do not lie in at least two class folders.

    Raises:
        UploadError: with what was found instead.
    """
    parts = _without_common_folder([PurePosixPath(name).parts for name in sorted(names)])
    if not parts:
        suffixes = ", ".join(sorted(IMAGE_SUFFIXES))
        raise UploadError(f"dataset {source!r}: has no pictures ({suffixes}); {_EXPECTED}")
    has_splits = any(part[0].lower() in SPLITS and len(part) > 1 for part in parts)
    depth = 3 if has_splits else 2
    placed = [part for part in parts if len(part) == depth]
    if not placed:
        raise UploadError(f"dataset {source!r}: {'/'.join(parts[0])!r} is in no class folder; {_EXPECTED}")
    if has_splits and not any(part[0].lower() == "train" for part in placed):
        raise UploadError(f"dataset {source!r}: has no pictures in train/CLASS/; {_EXPECTED}")
    classes = sorted({part[-2] for part in placed if not has_splits or part[0].lower() == "train"})
    if len(classes) < 2:
        raise UploadError(f"dataset {source!r}: has one class, {classes[0]!r}; at least 2 are needed")


def _visible_files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and not _is_hidden(path.relative_to(folder)))


def _is_picture(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in IMAGE_SUFFIXES


def _is_hidden(path: Path | PurePosixPath) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in path.parts)


def _zip_names(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        return [info.filename for info in archive.infolist() if not info.is_dir()]


def _tar_names(path: Path) -> list[str]:
    with tarfile.open(path, "r:gz") as archive:
        return [member.name.removeprefix("./") for member in archive if member.isfile()]


def _without_common_folder(paths: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Drop a single folder round everything, which most archives have."""
    tops = {path[0] for path in paths}
    if len(tops) != 1 or {top.lower() for top in tops} & SPLITS or any(len(path) < 3 for path in paths):
        return paths
    return _without_common_folder([path[1:] for path in paths])
