"""The one file of starting weights in a folder, taken out of an archive where it lies in one."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from datasets.archives import Archive, Limits, Member, members
from datasets.errors import ArchiveError
from datasets.paths import is_litter
from training.errors import WeightsError
from training.shortages import shortage

SUFFIXES = (".pt", ".pth", ".ckpt", ".pth.tar")
ARCHIVES = (".zip", ".tar.gz", ".tgz", ".tar")
# Weights hardly compress, and one file of them is held in memory.
LIMITS = Limits(members=10_000, total_bytes=32 << 30, ratio=20, member_bytes=16 << 30)
_NAMED = 5


@contextmanager
def checkpoint_in(folder: Path) -> Iterator[Path]:
    """Give the only file of weights below `folder`; one out of an archive goes away with the block.

    Raises:
        WeightsError: no or several files, or an archive that cannot be read or does not hold exactly one.
    """
    every = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
    files = [path for path in every if is_checkpoint(path.name) or is_archive(path.name)]
    if len(files) != 1:
        raise WeightsError(
            f"the weights channel {str(folder)!r} holds {_few([path.name for path in files or every])}; exactly one "
            f"file of a state_dict is needed, named {', '.join(SUFFIXES)}, or one archive of it ({', '.join(ARCHIVES)})"
        )
    if is_checkpoint(files[0].name):
        yield files[0]
        return
    with tempfile.TemporaryDirectory(prefix="retriever-") as temporary:
        yield _unpacked(files[0], Path(temporary))


def is_checkpoint(name: str) -> bool:
    return not is_litter(name) and name.lower().endswith(SUFFIXES)


def is_archive(name: str) -> bool:
    return not is_litter(name) and not is_checkpoint(name) and name.lower().endswith(ARCHIVES)


def _unpacked(archive: Path, folder: Path) -> Path:
    """Write the only file of weights in `archive` below `folder`, under a name of ours, and nothing else."""
    seen: list[str] = []
    target = folder / "weights"
    try:
        with open(archive, "rb", buffering=0) as stream:
            for member in members(Archive(stream, archive.name, archive.stat().st_size), LIMITS, skip_others=True):
                if _is_wanted(member):
                    seen.append(member.path)
                    target.write_bytes(member.read() if len(seen) == 1 else b"")
    except ArchiveError as error:
        reason = error.reason.partition(";")[0]
        raise WeightsError(f"weights archive {archive.name!r} cannot be used: {reason}; pack the file alone") from error
    except OSError as error:
        problem = shortage(error, [folder]) or error.strerror or str(error)
        raise WeightsError(f"weights archive {archive.name!r} cannot be unpacked: {problem}") from error
    if len(seen) != 1:
        raise WeightsError(
            f"weights archive {archive.name!r} holds {_few(seen)} of {', '.join(SUFFIXES)}; exactly one is needed, "
            "pack it alone"
        )
    return target.rename(folder / Path(seen[0]).name)


def _is_wanted(member: Member) -> bool:
    return is_checkpoint(member.path.rpartition("/")[2]) and "__MACOSX" not in member.path.split("/")


def _few(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{names[:_NAMED]}{more}"
