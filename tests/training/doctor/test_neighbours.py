"""Many pictures are compared in blocks, and their components come from a few thousand rows at a time."""

import numpy as np
import pytest

from training.doctor import neighbours
from training.doctor.neighbours import class_blocks, unit_features


def test_blocks_hold_each_picture_once_and_whole_classes() -> None:
    """A class is divided only where it alone is larger than a block."""
    labels = [0] * 4 + [1] * 3 + [2] * 12 + [0] * 2

    blocks = class_blocks(labels, 9)

    assert sorted(np.concatenate(blocks).tolist()) == list(range(21))
    assert max(map(len, blocks)) <= 9
    assert blocks[0].tolist() == [0, 1, 2, 3, 4, 5, 6, 19, 20]


def test_few_pictures_are_one_block_in_their_order() -> None:
    """Nothing changes for a dataset within the limit."""
    assert [block.tolist() for block in class_blocks([1, 0, 1], 3)] == [[0, 1, 2]]


def test_components_do_not_depend_on_how_many_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Products of rows are the same, whether all are in memory at once or a few."""
    rows = np.random.default_rng(0).standard_normal((50, 12)).astype(np.float32)
    whole = unit_features(rows, 4)
    monkeypatch.setattr(neighbours, "_CHUNK", 7)

    read = unit_features(rows, 4)

    np.testing.assert_allclose(read @ read.T, whole @ whole.T, atol=1e-4)
