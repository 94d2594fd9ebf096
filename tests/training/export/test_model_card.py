"""MODEL_CARD.md: told by the evaluation alone, and no reason for a job to fail."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training.export.metrics import split_scores
from training.export.model_card import CARD_FILE, card, try_card

NAMES = ["blue", "green", "red"]


@pytest.fixture
def evaluation() -> dict[str, Any]:
    """Give an evaluation in which one green picture is taken for a red one."""
    labels = np.repeat(np.arange(3), 4)
    predicted = labels.copy()
    predicted[4] = 2
    probabilities = np.full((12, 3), 0.05)
    probabilities[np.arange(12), predicted] = 0.9
    return {
        **split_scores([str(number) for number in range(12)], labels, probabilities, NAMES),
        **{"training_job_name": "pets-1", "dataset_fingerprint": "5f", "seed": 7, "class_names": NAMES},
        **{"hyperparameters": {"model_name": "resnet18", "image_size": 32}, "data_problems": [], "epochs": []},
        **{"num_train_images": 1200, "num_validation_images": 30, "num_test_images": 12, "test_top1": 11 / 12},
        **{"serving": {"engine": "openvino", "precision": "int8"}, "best_epoch": 1, "best_validation_top1": 0.9},
    }


def test_the_card_tells_data_judgement_and_limits(evaluation: dict[str, Any]) -> None:
    """The weakest class first, and what no number shows."""
    text = card(evaluation)

    assert "model_name resnet18, image_size 32. It serves by openvino in int8" in text
    assert "1,200 pictures, and 30 to choose the best epoch; dataset fingerprint 5f, seed 7" in text
    assert "| green | 4 | 0.7500 | 1.0000 |\n| blue | 4 | 1.0000" in text
    assert "91.7 % of 12 test images are classified correctly" in text
    assert "anything else than the 3 classes gets one of them" in text


def test_a_model_without_a_test_has_a_card(evaluation: dict[str, Any]) -> None:
    """It says that nothing is known of new pictures."""
    nothing: dict[str, Any] = {
        "num_test_images": 0,
        "test_top1": None,
        "per_class": [],
        "confusions": [],
        "serving": None,
    }

    assert "There was no test split" in card(evaluation | nothing)


def test_a_card_that_cannot_be_written_costs_nothing(evaluation: dict[str, Any], tmp_path: Path) -> None:
    """The line says why there is none."""
    assert try_card(evaluation, tmp_path) == f"model card: {tmp_path / CARD_FILE}"
    assert try_card({}, tmp_path).startswith("MODEL_CARD.md was not written: KeyError")
