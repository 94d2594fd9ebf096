"""Files that an engine has mapped into memory and read: their pages need not stay with the process."""

import ctypes
from collections.abc import Iterator
from pathlib import Path

MAPPINGS = Path("/proc/self/maps")
_MADV_DONTNEED = 4  # Linux's sys/mman.h


def release_pages(file: Path) -> int:
    """Give back the pages of `file` that this process holds and cannot write to; return how many bytes are mapped.

    Whoever reads them again gets them again from the file. Elsewhere than on Linux nothing happens.
    """
    released = 0
    for start, size in _read_only_mappings(str(file.resolve())):
        ctypes.CDLL(None).madvise(ctypes.c_void_p(start), ctypes.c_size_t(size), _MADV_DONTNEED)
        released += size
    return released


def _read_only_mappings(path: str) -> Iterator[tuple[int, int]]:
    """Yield address and size of each. Source: proc_pid_maps(5)."""
    lines = MAPPINGS.read_text(encoding="utf-8", errors="replace").splitlines() if MAPPINGS.exists() else []
    for line in lines:
        addresses, permissions, _, _, _, *name = line.split(None, 5)
        if name == [path] and "w" not in permissions:
            start, end = (int(address, 16) for address in addresses.split("-"))
            yield start, end - start
