"""Scores of a classifier from its predictions; numpy and torch only, since the containers promise no scikit-learn."""

from typing import Any

import torch
from torch import Tensor


def confusion_matrix(labels: Tensor, predicted: Tensor, num_classes: int) -> Tensor:
    """Return counts (num_classes, num_classes): row the true class, column the predicted one."""
    cells = labels * num_classes + predicted
    return torch.bincount(cells, minlength=num_classes * num_classes).view(num_classes, num_classes)


def per_class_scores(matrix: Tensor, class_names: list[str]) -> list[dict[str, Any]]:
    """Return precision, recall and F1 of every class; 0.0 where a score would divide by zero."""
    rows = []
    for index, class_name in enumerate(class_names):
        hits = int(matrix[index, index])
        num_images, num_predicted = int(matrix[index].sum()), int(matrix[:, index].sum())
        rows.append(
            {
                "class_name": class_name,
                "num_images": num_images,
                "precision": hits / num_predicted if num_predicted else 0.0,
                "recall": hits / num_images if num_images else 0.0,
                "f1": 2 * hits / (num_images + num_predicted) if num_images + num_predicted else 0.0,
            }
        )
    return rows
