"""Pages of a mapped file are given back, and nothing else."""

import mmap
from pathlib import Path

import pytest

from inference.mapped import MAPPINGS, release_pages

SIZE = 64 * mmap.PAGESIZE
pytestmark = pytest.mark.skipif(not MAPPINGS.exists(), reason="Linux alone tells what is mapped")


def resident_bytes(path: Path) -> int:
    """Return how much of `path` this process holds. Source: proc_pid_smaps(5)."""
    total, is_ours = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        head, *rest = line.split()
        if "-" in head and not head.endswith(":"):
            is_ours = rest[-1] == str(path)
        elif head == "Rss:" and is_ours:
            total += 1024 * int(rest[0])
    return total


def test_pages_that_were_read_are_given_back(tmp_path: Path) -> None:
    """Whoever reads them again gets what the file holds."""
    file = tmp_path / "model.weights"
    file.write_bytes(b"weights!" * (SIZE // 8))
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert mapped[:].count(b"!") == SIZE // 8
        assert resident_bytes(file) == SIZE

        assert release_pages(file) == SIZE

        assert resident_bytes(file) == 0
        assert mapped[:8] == b"weights!"


def test_pages_that_may_have_been_written_are_kept(tmp_path: Path) -> None:
    """A private mapping that can be written to holds what no file has."""
    file = tmp_path / "model.weights"
    file.write_bytes(bytes(SIZE))
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_COPY) as mapped:
        mapped[:5] = b"mine!"

        assert release_pages(file) == 0

        assert mapped[:5] == b"mine!"


def test_a_file_that_is_not_mapped_has_none(tmp_path: Path) -> None:
    """As the weights of an artifact of an older version, which lie inside the graph's file."""
    assert release_pages(tmp_path / "absent.weights") == 0
