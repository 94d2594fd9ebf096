"""Scores agree with scikit-learn's."""

import pytest
import torch
from sklearn.metrics import confusion_matrix as sklearn_matrix
from sklearn.metrics import precision_recall_fscore_support

from training.metrics import confusion_matrix, per_class_scores


def test_per_class_scores_agree_with_scikit_learn() -> None:
    """Precision, recall and F1 of every class, one never predicted and one never seen among them."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 4, (200,), generator=generator)
    predicted = torch.where(torch.rand(200, generator=generator) < 0.6, labels, (labels + 1) % 3)

    matrix = confusion_matrix(labels, predicted, 5)
    rows = per_class_scores(matrix, list("abcde"))

    assert matrix.tolist() == sklearn_matrix(labels, predicted, labels=range(5)).tolist()
    expected = precision_recall_fscore_support(labels, predicted, labels=range(5), zero_division=0)
    for row, precision, recall, f1, count in zip(rows, *expected, strict=True):
        assert (row["precision"], row["recall"], row["f1"]) == pytest.approx((precision, recall, f1))
        assert row["num_images"] == count
