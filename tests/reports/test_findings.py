"""The sentences at the head of a report follow from its numbers."""

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.findings import findings
from tests.reports.evaluations import epoch, untested
from training.export.metrics import split_scores

MakeEvaluation = Callable[..., dict[str, Any]]


def finding_of(evaluation: dict[str, Any], kind: str) -> str:
    return " ".join(finding.text for finding in findings(evaluation) if finding.kind == kind)


def score(name: str, recall: float, num_images: int = 20) -> dict[str, Any]:
    return {"class_name": name, "num_images": num_images, "precision": 1.0, "recall": recall, "f1": recall}


def test_accuracy_comes_with_its_interval(make_evaluation: MakeEvaluation) -> None:
    """An accuracy over few images is worth little, and the page says how little."""
    evaluation = make_evaluation(test_top1=0.9, test_top1_interval=[0.815, 0.948])

    text = finding_of(evaluation, "note")

    assert text.startswith("90.0 % of 80 test images are classified correctly")
    assert "between 81.5 % and 94.8 % (95 % interval). More test images would narrow that." in text


def test_weak_classes_are_named_and_tiny_ones_are_not(make_evaluation: MakeEvaluation) -> None:
    """Two wrong of three images prove nothing about a class."""
    rows = [score("cat", 0.95), score("eel", 0.4), score("emu", 0.0, num_images=3)]

    text = finding_of(make_evaluation(per_class=rows, test_top1=0.9), "warn")

    assert "Weak classes: \N{LEFT DOUBLE QUOTATION MARK}eel\N{RIGHT DOUBLE QUOTATION MARK} (40 % of 20 right)." in text
    assert "emu" not in text


def test_even_classes_are_good_news(make_evaluation: MakeEvaluation) -> None:
    """The weakest is named all the same."""
    text = finding_of(make_evaluation(per_class=[score("cat", 0.95), score("eel", 0.9)], test_top1=0.92), "good")

    assert "No class stands out" in text
    assert "recall of 90 %" in text


def test_confidence_is_judged_both_ways(make_evaluation: MakeEvaluation) -> None:
    """Over-confidence is a warning, caution a note, a small difference fine."""

    def evaluation(mean_confidence: float) -> dict[str, Any]:
        return make_evaluation(test_top1=0.8, calibration={"ece": 0.02, "mean_confidence": mean_confidence, "bins": []})

    assert "over-confident, by 15 points" in finding_of(evaluation(0.95), "warn")
    assert "too cautious, by 20 points" in finding_of(evaluation(0.60), "note")
    assert "expected calibration error is 2.0 %" in finding_of(evaluation(0.82), "good")


def test_epochs_tell_of_overfitting_and_of_stopping_early(make_evaluation: MakeEvaluation) -> None:
    """Both are read at the best epoch."""
    ahead = epoch(2, 0.75) | {"train_top1": 0.95}

    evaluation = make_evaluation(epochs=[epoch(1, 0.5), ahead])

    assert "Training is 20 points ahead of validation" in finding_of(evaluation, "warn")
    assert "The last epoch was the best one" in finding_of(evaluation, "note")
    assert "ahead of validation" not in finding_of(make_evaluation(), "warn")


def test_missing_parts_are_said_first(make_evaluation: MakeEvaluation) -> None:
    """No test split, and files that trained nothing."""
    evaluation = untested(make_evaluation())

    assert "no test split" in findings(evaluation)[0].text
    assert "1 file was set aside" in finding_of(evaluation, "warn")


def test_errors_that_cancel_out_are_no_good_news(make_evaluation: MakeEvaluation) -> None:
    """Mean confidence equals accuracy, and yet no probability can be believed."""
    calibration = {"ece": 0.24, "mean_confidence": 0.8, "bins": []}

    evaluation = make_evaluation(test_top1=0.8, calibration=calibration)

    assert "can be read as such" not in finding_of(evaluation, "good")
    assert "off by 24.0 %, too high for some answers and too low for others" in finding_of(evaluation, "warn")


def test_class_that_is_never_found_is_weak_whatever_the_accuracy(make_evaluation: MakeEvaluation) -> None:
    """With an accuracy of 12 % nothing can be 15 points below it."""
    text = finding_of(make_evaluation(per_class=[score("cat", 0.24), score("eel", 0.0)], test_top1=0.12), "warn")

    assert "eel\N{RIGHT DOUBLE QUOTATION MARK} (0 % of 20 right)" in text


def test_praise_says_which_classes_it_leaves_out(make_evaluation: MakeEvaluation) -> None:
    """The table shows a recall of 0 for a class of three images."""
    rows = [score("cat", 0.95), score("eel", 0.9), score("emu", 0.0, num_images=3)]

    text = finding_of(make_evaluation(per_class=rows, test_top1=0.9), "good")

    assert "No class of those with at least 5 test images stands out" in text


def test_training_that_broke_down_is_told(make_evaluation: MakeEvaluation) -> None:
    """The last good epoch's model is there, and the page says that it is not what was asked for."""
    rows = [epoch(1, 0.5), epoch(2, 0.6), epoch(3, 0.1) | {"train_loss": None}]

    text = finding_of(make_evaluation(epochs=rows, best_epoch=2), "warn")

    assert "Training broke down in epoch 3" in text
    assert "the weights are those of epoch 2. Use a lower learning rate than 0.001." in text


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(1, 120),
    classes=st.integers(2, 6),
    skill=st.floats(-3, 6),
    sharpness=st.floats(0.05, 8),
)
def test_findings_never_contradict_the_tables(
    seed: int, count: int, classes: int, skill: float, sharpness: float
) -> None:
    """Over random evaluations: praise of classes and of probabilities holds in the numbers beside it."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, count)
    logits = random.normal(size=(count, classes))
    logits[np.arange(count), labels] += skill
    shares = np.exp(sharpness * (logits - logits.max(axis=1, keepdims=True)))
    names = [f"class {index}" for index in range(classes)]
    scores = split_scores([str(i) for i in range(count)], labels, shares / shares.sum(axis=1, keepdims=True), names)
    evaluation = {
        "num_test_images": count,
        "test_top1": float((logits.argmax(axis=1) == labels).mean()),
        "data_problems": [],
        "epochs": [],
        "best_epoch": 1,
        **scores,
    }

    texts = [finding.text for finding in findings(evaluation) if finding.kind == "good"]

    for text in texts:
        if text.startswith("No class"):
            counted = [row for row in scores["per_class"] if row["num_images"] >= 5]
            assert min(row["recall"] for row in counted) >= max(0.5, evaluation["test_top1"] - 0.15)
            assert (len(counted) == classes) == ("at least 5" not in text)
        if "can be read as such" in text:
            assert scores["calibration"]["ece"] <= 0.05


def test_a_model_that_is_not_served_in_int8_says_why(make_evaluation: MakeEvaluation) -> None:
    """As a swin transformer, whose windows the engine cannot take in int8; what int8 serves needs no word."""
    reason = "int8 failed: RuntimeError: the engine cannot take its additions"
    served = {"engine": "openvino", "precision": "fp32", "reason": reason}

    text = finding_of(make_evaluation(serving=served), "note")

    assert f"On a CPU it is served in fp32, which takes longer than int8: {reason}." in text
    assert "int8" not in finding_of(make_evaluation(serving=served | {"precision": "int8"}), "note")
    assert "served by torch" in finding_of(make_evaluation(serving=served | {"engine": "torch"}), "note")
