"""What training says of a machine that has run out of something."""

import errno
import os
import shutil
from pathlib import Path

import pytest

from training.shortages import REMEDIES, shortage


@pytest.mark.parametrize("number", sorted(REMEDIES))
def test_each_shortage_names_what_and_the_remedy(number: int, tmp_path: Path) -> None:
    """The system's own words come first, the remedy last."""
    told = shortage(OSError(number, os.strerror(number), "/opt/ml/model/model.pt"), [tmp_path])

    assert told.startswith(f"{os.strerror(number)}: '/opt/ml/model/model.pt'")
    assert told.endswith(REMEDIES[number])


def test_shortage_behind_a_library_error_is_found() -> None:
    """A wrapped error tells it as well."""
    wrapped = ValueError("graph")
    wrapped.__cause__ = OSError(errno.ENOSPC, "No space left on device")

    assert shortage(wrapped).startswith("No space left on device")


def test_failed_write_without_a_number_is_told_by_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """torch.save says "file write failed"; the folder on a full disk explains it."""
    full = shutil._ntuple_diskusage(1 << 30, 1 << 30, 0)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: full)

    told = shortage(RuntimeError("PytorchStreamWriter failed writing file data/0: file write failed"), [tmp_path])

    assert told.startswith(f"No space left on device (0 MB are free in {str(tmp_path)!r})")


def test_other_errors_are_no_shortage(tmp_path: Path) -> None:
    """A defect is not called a full disk."""
    assert shortage(RuntimeError("mat1 and mat2 shapes cannot be multiplied"), [tmp_path]) == ""
    assert shortage(FileNotFoundError(errno.ENOENT, "none"), [tmp_path]) == ""
