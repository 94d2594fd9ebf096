"""training/doctor/labels.py: labels that the other pictures contradict."""

import numpy as np

from training.doctor.labels import suspects

CLASSES = 4


def blobs(per_class=60, seed=0):
    """Return features around one centre a class, and their classes."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(CLASSES), per_class)
    centres = rng.normal(size=(CLASSES, 24)) * 3
    return (centres[labels] + rng.normal(size=(len(labels), 24))).astype(np.float32), labels


def test_planted_labels_are_the_suspects():
    """Of 12 wrong labels among 240, ten are found with the class that they should have, and nothing else."""
    features, right = blobs()
    wrong = right.copy()
    planted = np.random.default_rng(1).choice(len(right), 12, replace=False)
    wrong[planted] = (right[planted] + 1) % CLASSES

    rows = suspects(features, wrong.tolist(), list(range(len(wrong))))

    assert len(rows) >= 10
    assert {(row.index, row.label) for row in rows} <= {(int(index), int(right[index])) for index in planted}


def test_right_labels_are_no_suspects():
    """Where the classes can be told apart, nobody is accused."""
    features, labels = blobs()

    assert suspects(features, labels.tolist(), list(range(len(labels)))) == []


def test_a_copy_does_not_vouch_for_its_picture():
    """A wrong label that five copies share is found: they are left out together."""
    features, labels = blobs()
    copies = np.repeat(features[:1], 5, axis=0)
    labels = np.concatenate([labels, np.full(5, 2)])
    labels[0] = 2
    clusters = [*range(240), 0, 0, 0, 0, 0]

    rows = suspects(np.concatenate([features, copies]), labels.tolist(), clusters)

    assert {row.index for row in rows} == {0, 240, 241, 242, 243, 244}


def test_too_few_pictures_are_not_judged():
    """Of classes with four pictures nothing can be told."""
    features, labels = blobs(per_class=4)

    assert suspects(features, labels[::-1].tolist(), list(range(16))) == []
