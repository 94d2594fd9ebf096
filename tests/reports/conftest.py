"""An evaluation as a training job writes it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.reports.evaluations import CLASSES, epoch
from training.export.metrics import split_scores


@pytest.fixture
def make_evaluation() -> Callable[..., dict[str, Any]]:
    """Return a maker of evaluations with scores from `count` seeded predictions."""

    def make(class_names: list[str] = CLASSES, count: int = 80, **changes: Any) -> dict[str, Any]:
        random = np.random.default_rng(0)
        labels = np.arange(count) % len(class_names)
        logits = random.normal(size=(count, len(class_names)))
        logits[np.arange(count), labels] += 2.0
        probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        scores = split_scores([f"test/{i}.jpg" for i in range(count)], labels, probabilities, class_names)
        hits = sum(count for row, column, count in scores["confusions"] if row == column)
        return {
            "training_job_name": "pets-1",
            "dataset_fingerprint": "abc123",
            "seed": 7,
            "hyperparameters": {"model_name": "resnet18", "lr": 0.001, "epochs": 3},
            "class_names": class_names,
            "num_train_images": 1234,
            "num_validation_images": 200,
            "num_test_images": count,
            "test_top1": hits / count,
            "test_loss": 0.5,
            "best_epoch": 2,
            "best_validation_top1": 0.75,
            "best_validation_loss": 0.6,
            "golden": [],
            "data_problems": [{"path": "train/<b>/x.jpg", "reason": "empty file", "kind": "set aside"}],
            "serving": {
                "engine": "openvino",
                "precision": "fp32",
                "reason": "int8 lost 1.2 points",
                "top1_agreement": 0.981,
            },
            "epochs": [epoch(1, 0.5), epoch(2, 0.75), epoch(3, 0.7)],
            "versions": {"torch": "2.13.0"},
            **scores,
            **changes,
        }

    return make
