"""What is on disk before an upload: is this folder or archive an image dataset?

The rules are those of the state ValidateDataset; here a person learns in a second what an hour later would be an
obvious mistake.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from datasets.archives import ARCHIVE_SUFFIXES, Archive, members
from datasets.errors import DatasetError
from datasets.gate import check_layout
from datasets.labels import Read, is_table
from datasets.layout import File, Layout, SetAside, read_layout
from datasets.paths import is_image_name, path_parts
from datasets.summary import counted, summary
from datasets.tables import MAX_TABLE_BYTES
from datasets.walking import reader, walk
from ops.errors import UploadError

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_MIN_IMAGES = 1  # a class; the stack may ask for more


@dataclass(frozen=True)
class ImageFolder:
    """A folder to upload: the path below it of each picture and each table of labels -> the file.

    `num_skipped` counts the other files, `told` are sentences about how it is read, `counts` how much there is of what.
    """

    files: dict[str, Path]
    num_skipped: int
    told: tuple[str, ...] = ()
    counts: tuple[str, ...] = ()


def check(path: Path, dataset: str, tell: Callable[[str], None] = lambda _: None) -> ImageFolder | None:
    """Look at what is to be uploaded; return the folder's pictures, or None for an archive.

    `tell` hears how it is read.

    Raises:
        UploadError: it is neither an image folder nor an archive of one, or the name is not usable.
    """
    if not _NAME.fullmatch(dataset):
        raise UploadError(
            f"dataset name {dataset!r}: expected at most 63 letters, digits, '_', '.' and '-',"
            " a letter or digit first and last"
        )
    if path.is_dir():
        folder = check_folder(path)
        for sentence in (*folder.told, *folder.counts):
            tell(sentence)
        tell(
            f"copies, leaks and wrong labels are looked for before tuning; to see them now: deploy.py data check {path}"
        )
        return folder
    if not archive_suffix(path):
        raise UploadError(f"{str(path)!r}: expected a folder or an archive ({', '.join(ARCHIVE_SUFFIXES)})")
    for sentence in check_archive(path):
        tell(sentence)
    return None


def archive_suffix(path: Path) -> str:
    """Return ".zip", ".tar.gz" or ".tgz", or "" for anything else."""
    return next((suffix for suffix in ARCHIVE_SUFFIXES if path.name.lower().endswith(suffix)), "")


def check_folder(folder: Path) -> ImageFolder:
    """List the pictures of a folder that is an image dataset, and the tables that their classes come from.

    Raises:
        UploadError: it is none.
    """
    visible, aside, folders = _visible_files(folder)
    files = [*(File(name, path.stat().st_size) for name, path in visible.items()), *map(File, folders)]
    layout = require_dataset(str(folder), files, reader(folder, MAX_TABLE_BYTES), aside)
    return _chosen(visible, layout.tables, told(layout), tuple(counted(layout)))


def read_folder(folder: Path) -> ImageFolder:
    """List the pictures of `folder`, whether it is an image dataset or not."""
    return _chosen(_visible_files(folder)[0])


def _visible_files(folder: Path) -> tuple[dict[str, Path], list[SetAside], list[str]]:
    """Return the files of a folder, links followed, what is named as one and is none, and the folders in it."""
    try:
        names = list(walk(folder))
    except DatasetError as error:
        raise UploadError(str(error)) from error
    paths = {name: folder / name for name in names if not name.endswith("/")}
    files = {name: path for name, path in sorted(paths.items()) if path.is_file()}
    aside = [SetAside(name, "no regular file, or a link to nothing") for name in paths if name not in files]
    return files, aside, [name for name in names if name.endswith("/")]


def _chosen(
    visible: dict[str, Path],
    tables: Collection[str] = (),
    sentences: tuple[str, ...] = (),
    counts: tuple[str, ...] = (),
) -> ImageFolder:
    chosen = {n: path for n, path in visible.items() if n in tables or (is_image_name(n) and path_parts(n))}
    return ImageFolder(chosen, len(visible) - len(chosen), sentences, counts)


def told(layout: Layout) -> tuple[str, ...]:
    """Return what a person should hear of how a dataset is read."""
    return (summary(layout), *layout.remarks)


def check_archive(path: Path) -> tuple[str, ...]:
    """Read an archive to its end, which takes a fraction of the time that sending it would; return how it is read.

    Raises:
        UploadError: it is broken, empty, or not an image dataset.
    """
    files: list[File] = []
    folders: list[str] = []
    tables: dict[str, bytes] = {}
    room = 2 * MAX_TABLE_BYTES
    try:
        with path.open("rb", buffering=0) as stream:
            for member in members(Archive(stream, str(path), path.stat().st_size), folders=folders):
                if is_table(member.path, member.size) and member.size <= room:
                    room -= member.size
                    tables[member.path] = member.read()
                else:
                    member.check()
                files.append(File(member.path, member.size))
    except DatasetError as error:
        raise UploadError(str(error)) from error
    except OSError as error:
        raise UploadError(f"archive {str(path)!r}: {error.strerror or error}; make it again") from error
    files += map(File, folders)
    layout = require_dataset(str(path), files, reader_of(tables))
    return (*told(layout), *counted(layout))


def reader_of(tables: Mapping[str, bytes]) -> Read:
    """Return what gives the bytes of a table that was kept while an archive was read."""

    def read(path: str) -> bytes:
        if path not in tables:
            raise DatasetError(
                f"table {path!r} is not read, since the archive holds too many; keep one table of labels"
            )
        return tables[path]

    return read


def require_dataset(
    source: str, files: Sequence[File], read: Read | None = None, aside: Sequence[SetAside] = ()
) -> Layout:
    """Return the layout, or refuse what ValidateDataset would refuse, whatever the stack's parameters are.

    Raises:
        UploadError: in the sentence that the state would end with.
    """
    try:
        layout = read_layout(files, aside, read)
        check_layout(layout, source, _MIN_IMAGES)
    except DatasetError as error:
        raise UploadError(str(error)) from error
    return layout
