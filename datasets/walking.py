"""A folder on a disk as the paths of its files, links to files and folders followed, and never without end."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from datasets.errors import DatasetError
from datasets.paths import is_litter, shown

_MAX_FOLDERS = 200_000  # links to folders that hold links multiply


def walk(folder: Path) -> Iterator[str]:
    """Yield the path of each file, and of each folder with "/" at its end, sorted, without what systems leave about.

    A link to a folder that it lies in is left out, and nothing but folders is read, so FastFile is cheap.

    Raises:
        DatasetError: a folder cannot be read, or there are too many.
    """
    above = {str(folder): frozenset({_identity(folder)})}
    count = 0
    for here, folders, names in os.walk(folder, followlinks=True, onerror=_refuse):
        parents = above.pop(here)
        kept = []
        for name in sorted(name for name in folders if not is_litter(name)):
            path = os.path.join(here, name)
            identity = _identity(path)
            if identity not in parents:
                kept.append(name)
                above[path] = parents | {identity}
        folders[:] = kept
        count += len(kept)
        if count > _MAX_FOLDERS:
            raise DatasetError(
                f"folder {shown(str(folder))} has more than {_MAX_FOLDERS} folders, those behind links counted; remove "
                "links that lead back into it"
            )
        where = Path(here).relative_to(folder)
        yield from (f"{(where / name).as_posix()}/" for name in kept)
        yield from ((where / name).as_posix() for name in sorted(names) if not is_litter(name))


def reader(folder: Path, max_bytes: int) -> Callable[[str], bytes]:
    """Return what gives the bytes of a file below `folder`, of at most `max_bytes`."""

    def read(path: str) -> bytes:
        with (folder / path).open("rb") as stream:
            data = stream.read(max_bytes + 1)
        if len(data) > max_bytes:
            raise DatasetError(f"table {shown(path)} has more than {max_bytes} bytes, which is all that is read")
        return data

    return read


def _identity(path: str | Path) -> tuple[int, int]:
    status = os.stat(path)
    return status.st_dev, status.st_ino


def _refuse(error: OSError) -> None:
    raise DatasetError(
        f"folder {shown(str(error.filename))} cannot be read: {error.strerror}; give the right to, or move it away"
    )
