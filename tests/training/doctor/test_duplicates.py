"""training/doctor/duplicates.py: copies are found, and pictures that are only alike are not."""

from itertools import islice

import numpy as np
import pytest
from PIL import Image

from ops.demo.digits import _scans
from tests.training.doctor.photographs import cropped, features, photograph, saved, signature
from training.doctor.duplicates import clusters, find_pairs

COUNT = 40
COPIES = {
    "byte for byte": lambda seed: saved(photograph(seed)),
    "saved again": lambda seed: saved(photograph(seed), quality=30),
    "resized": lambda seed: saved(photograph(seed).resize((64, 64))),
    "cropped": lambda seed: saved(cropped(photograph(seed))),
}


def with_copies(copy, of=10):
    """Return signatures and features of 40 pictures, and of copies of the first ten with features a little off."""
    originals = [signature(saved(photograph(seed))) for seed in range(COUNT)]
    rows = features(COUNT)
    copies = rows[:of] + 0.3 * features(of, seed=1)
    return [*originals, *(signature(copy(seed)) for seed in range(of))], np.concatenate([rows, copies])


@pytest.mark.parametrize("kind", COPIES)
def test_every_copy_is_found_and_no_other(kind):
    """Each copy is paired with its original, and with no other picture."""
    signatures, rows = with_copies(COPIES[kind])

    pairs = find_pairs(signatures, [0] * len(signatures), rows)

    assert {(pair.first, pair.second) for pair in pairs} == {(seed, COUNT + seed) for seed in range(10)}
    assert all(pair.is_exact == (kind == "byte for byte") for pair in pairs)


def test_copies_are_found_without_features():
    """The perceptual hash alone finds what was saved again."""
    signatures, _ = with_copies(COPIES["saved again"])

    assert len(find_pairs(signatures, [0] * len(signatures), None)) == 10


def test_scans_of_one_digit_are_no_copies():
    """1,797 scans of 8 x 8 pixels are alike by nature: what is usual between two of a class is no copy."""
    scans = list(islice(_scans(), 400))
    dots = np.array([dots for dots, _ in scans], np.float32)
    files = [np.kron(scan.reshape(8, 8) * 15, np.ones((4, 4))).astype(np.uint8) for scan in dots]
    signatures = [signature(saved(Image.fromarray(file))) for file in files]

    assert len(find_pairs(signatures, [digit for _, digit in scans], dots)) <= 4


def test_a_chain_of_copies_is_one_cluster():
    """A copy of a copy belongs with the original; the lowest index names the cluster."""
    signatures = [signature(saved(photograph(1), quality)) for quality in (90, 60, 30)]
    signatures.append(signature(saved(photograph(2))))

    assert clusters(4, find_pairs(signatures, [0, 0, 0, 1], None)) == [0, 0, 0, 3]


def test_one_picture_alone_is_no_copy():
    """Of one picture, and of none, nothing is said."""
    assert find_pairs([signature(saved(photograph(1)))], [0], None) == []
    assert find_pairs([], [], None) == []
