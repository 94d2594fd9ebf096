"""Parts on disk: what was written comes back, and nothing else is taken for it."""

from pathlib import Path

import numpy as np
import pytest

from training.errors import FeaturesError
from training.features.parts import Part, PartFolder, encode

IDENTITY = {"kind": "looked", "files": "abc"}
ROWS = np.arange(12, dtype=np.float32).reshape(3, 4)
MARKS = np.arange(3, dtype=np.uint8)


def saved(folder: Path) -> Part:
    """Return a part with two arrays and some content."""
    encoded = encode(IDENTITY, {"files": [["Ü.jpg", 0.1]]}, {"marks": MARKS, "rows": ROWS})
    return PartFolder(folder).save(IDENTITY, encoded)


def test_part_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    """Arrays are mapped from the file, each at its own place."""
    saved(tmp_path)

    part = PartFolder(tmp_path).find(IDENTITY)

    assert part is not None
    assert part.content == {"files": [["Ü.jpg", 0.1]]}
    assert (part.array("rows") == ROWS).all()
    assert (part.array("marks") == MARKS).all()


def test_empty_array_comes_back(tmp_path: Path) -> None:
    """A part of which no file decodes has no features, and nothing can be mapped."""
    folder = PartFolder(tmp_path)

    part = folder.save(IDENTITY, encode(IDENTITY, {}, {"rows": np.empty((0, 4), np.float32)}))

    assert part.array("rows").shape == (0, 4)


def test_part_of_another_job_is_not_found(tmp_path: Path) -> None:
    """Another backbone, or other pictures, make another part."""
    saved(tmp_path)

    assert PartFolder(tmp_path).find(IDENTITY | {"files": "abd"}) is None


@pytest.mark.parametrize("place", [20, -20])
def test_damaged_part_is_made_again(tmp_path: Path, place: int) -> None:
    """A changed byte of the header or of an array is seen, and the file removed."""
    path = saved(tmp_path).path
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)

    assert PartFolder(tmp_path).find(IDENTITY) is None
    assert not path.exists()


def test_short_part_is_made_again(tmp_path: Path) -> None:
    """A disk that was full, or a copy that broke off, leaves a beginning."""
    path = saved(tmp_path).path
    path.write_bytes(path.read_bytes()[:-1])

    assert PartFolder(tmp_path).find(IDENTITY) is None


def test_part_that_comes_damaged_is_refused(tmp_path: Path) -> None:
    """What another process sent is checked before it takes its name."""
    encoded = encode(IDENTITY, {}, {"rows": ROWS})

    with pytest.raises(FeaturesError, match="came damaged"):
        PartFolder(tmp_path).save(IDENTITY, encoded[:-1])
