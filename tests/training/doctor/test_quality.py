"""training/doctor/quality.py: pictures that show too little, or something else than their class."""

import numpy as np

from tests.training.doctor.photographs import blurred, photograph, saved, signature
from training.doctor.quality import outliers, poor_pictures


def signatures(*others):
    """Return ten good pictures and `others`."""
    return [signature(saved(photograph(seed))) for seed in range(10)] + [signature(saved(other)) for other in others]


def test_each_kind_of_poor_picture_is_named():
    """Blurred, dark, blank and tiny ones are told apart, and good ones are left alone."""
    dark = photograph(21).point(lambda level: level // 16)
    blank = photograph(22).point(lambda level: 200)
    rows, sentences = poor_pictures(signatures(blurred(photograph(20)), dark, blank, photograph(23, side=16)), 64)

    assert {(index, kind) for index, kind, _, _ in rows} >= {(10, "blurred"), (11, "dark"), (12, "blank"), (13, "tiny")}
    assert all(index >= 10 for index, *_ in rows)
    assert sentences == []


def test_what_most_pictures_are_is_said_once():
    """A dataset of small scans is no list of faults."""
    rows, sentences = poor_pictures(signatures(), 1024)

    assert rows == []
    assert sentences == ["10 of 10 pictures are tiny: so is the dataset"]


def test_a_picture_far_from_its_class_is_an_outlier():
    """The one that has nothing in common with the others of its class stands out."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(60, 16)).astype(np.float32) * 0.1
    features[:30, 0] += 5
    features[30:, 1] += 5
    features[7] = 0
    features[7, 5] = 5

    assert [index for index, _ in outliers(features, [0] * 30 + [1] * 30)] == [7]
