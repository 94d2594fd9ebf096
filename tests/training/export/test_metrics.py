"""Scores from predictions, worked out by hand or held against a second implementation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from training.export import metrics
from training.export.metrics import (
    accuracy_interval,
    calibration,
    confident_mistakes,
    confusions,
    macro_f1,
    per_class_scores,
    split_scores,
    top_k_accuracy,
)

LABELS = np.array([0, 0, 0, 1, 1, 2])
PREDICTED = np.array([0, 0, 1, 1, 0, 1])


def test_confusions_are_the_cells_that_are_not_empty() -> None:
    """Each is the true class, the predicted one, and how many images."""
    assert confusions(LABELS, PREDICTED) == [[0, 0, 2], [0, 1, 1], [1, 0, 1], [1, 1, 1], [2, 1, 1]]


def test_of_many_confusions_the_most_frequent_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """evaluation.json is bounded, however many classes are taken for others."""
    monkeypatch.setattr(metrics, "MAX_CONFUSIONS", 2)

    assert confusions(LABELS, PREDICTED) == [[0, 0, 2], [0, 1, 1]]


def test_per_class_scores_are_those_worked_out_by_hand() -> None:
    """Of a class never predicted and one never seen, scores that would divide by zero are 0."""
    rows = per_class_scores(LABELS, PREDICTED, ["a", "b", "c", "d"])

    assert [row["num_images"] for row in rows] == [3, 2, 1, 0]
    assert [row["precision"] for row in rows] == pytest.approx([2 / 3, 1 / 3, 0, 0])
    assert [row["recall"] for row in rows] == pytest.approx([2 / 3, 1 / 2, 0, 0])
    assert [row["f1"] for row in rows] == pytest.approx([2 / 3, 2 / 5, 0, 0])
    assert macro_f1(rows) == pytest.approx((2 / 3 + 2 / 5) / 3)  # without the class that has no test image


@given(st.integers(1, 5000).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total))))
def test_accuracy_interval_is_wilsons(counts: tuple[int, int]) -> None:
    """It agrees with SciPy's for any counts, so it stays inside of 0..1 and holds the accuracy."""
    low, high = accuracy_interval(*counts)

    expected = binomtest(*counts).proportion_ci(method="wilson")
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_calibration_of_ten_images_is_the_one_worked_out_by_hand() -> None:
    """Four images at 0.95 of which one is wrong, six at 0.55 of which three are: ECE 0.4 * 0.2 + 0.6 * 0.05."""
    confidence = np.array([0.95] * 4 + [0.55] * 6)
    correct = np.array([True] * 3 + [False] + [True] * 3 + [False] * 3)

    result = calibration(confidence, correct)

    assert result["ece"] == pytest.approx(0.4 * 0.2 + 0.6 * 0.05)
    assert result["mean_confidence"] == pytest.approx(0.71)
    assert [(row["num_images"], row["accuracy"]) for row in result["bins"]] == [(6, 0.5), (4, 0.75)]
    assert all(row["low"] <= row["confidence"] <= row["high"] for row in result["bins"])


@given(st.lists(st.tuples(st.floats(0, 1, width=32), st.booleans()), min_size=1, max_size=200))
def test_calibration_counts_every_image_once(rows: list[tuple[float, bool]]) -> None:
    """Whatever the confidences, edges of bins and values of 1 among them, no image is lost or counted twice."""
    confidence, correct = np.array([row[0] for row in rows], np.float32), np.array([row[1] for row in rows])

    result = calibration(confidence, correct)

    assert sum(row["num_images"] for row in result["bins"]) == len(rows)
    assert sum(row["num_images"] * row["accuracy"] for row in result["bins"]) == pytest.approx(correct.sum())
    assert 0 <= result["ece"] <= 1


def test_mistakes_come_surest_first() -> None:
    """Right predictions are none, and the limit keeps the surest."""
    probabilities = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.7, 0.3]])
    labels = np.array([0, 0, 0, 1])

    mistakes = confident_mistakes(["w", "x", "y", "z"], labels, probabilities, ["cat", "dog"], limit=2)

    assert [(row["path"], row["class_name"], row["predicted"]) for row in mistakes] == [
        ("y", "cat", "dog"),
        ("z", "dog", "cat"),
    ]
    assert (mistakes[0]["probability"], mistakes[0]["probability_of_class"]) == pytest.approx((0.8, 0.2))


@pytest.mark.parametrize(("num_classes", "expected"), [(5, None), (6, 5 / 6)])
def test_top_5_is_left_out_where_it_is_always_right(num_classes: int, expected: float | None) -> None:
    """With five classes every answer is among the first five; with six, one image in six is missed here."""
    logits = np.tile(np.arange(num_classes, dtype=float), (num_classes, 1))

    top5 = top_k_accuracy(np.arange(num_classes), logits, 5)

    assert top5 == (None if expected is None else pytest.approx(expected))


def test_scores_of_a_perfect_split_are_whole(recwarn: pytest.WarningsRecorder) -> None:
    """Nothing divides by zero, and nothing warns, when there is no mistake at all."""
    probabilities = np.eye(3)

    scores = split_scores(["a", "b", "c"], np.arange(3), probabilities, ["x", "y", "z"])

    assert (scores["mistakes"], scores["macro_f1"], scores["calibration"]["ece"]) == ([], 1.0, 0.0)
    assert scores["confusions"] == [[0, 0, 1], [1, 1, 1], [2, 2, 1]]
    assert not recwarn.list
