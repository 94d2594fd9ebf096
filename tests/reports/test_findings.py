"""The sentences at the head of a report follow from its numbers."""

from collections.abc import Callable
from typing import Any

from reports.findings import findings
from tests.reports.conftest import epoch, untested

MakeEvaluation = Callable[..., dict[str, Any]]


def said(evaluation: dict[str, Any], kind: str) -> str:
    return " ".join(finding.text for finding in findings(evaluation) if finding.kind == kind)


def score(name: str, recall: float, num_images: int = 20) -> dict[str, Any]:
    return {"class_name": name, "num_images": num_images, "precision": 1.0, "recall": recall, "f1": recall}


def test_accuracy_comes_with_its_interval(make_evaluation: MakeEvaluation) -> None:
    """An accuracy over few images is worth little, and the page says how little."""
    evaluation = make_evaluation(test_top1=0.9, test_top1_interval=[0.815, 0.948])

    text = said(evaluation, "note")

    assert text.startswith("90.0 % of 80 test images are classified correctly")
    assert "between 81.5 % and 94.8 % (95 % interval). More test images would narrow that." in text


def test_weak_classes_are_named_and_tiny_ones_are_not(make_evaluation: MakeEvaluation) -> None:
    """Two wrong of three images prove nothing about a class."""
    rows = [score("cat", 0.95), score("eel", 0.4), score("emu", 0.0, num_images=3)]

    text = said(make_evaluation(per_class=rows, test_top1=0.9), "warn")

    assert "Weak classes: \N{LEFT DOUBLE QUOTATION MARK}eel\N{RIGHT DOUBLE QUOTATION MARK} (40 % of 20 right)." in text
    assert "emu" not in text


def test_even_classes_are_good_news(make_evaluation: MakeEvaluation) -> None:
    """The weakest is named all the same."""
    text = said(make_evaluation(per_class=[score("cat", 0.95), score("eel", 0.9)], test_top1=0.92), "good")

    assert "No class stands out" in text
    assert "recall of 90 %" in text


def test_confidence_is_judged_both_ways(make_evaluation: MakeEvaluation) -> None:
    """Over-confidence is a warning, caution a note, a small difference fine."""

    def evaluation(mean_confidence: float) -> dict[str, Any]:
        return make_evaluation(test_top1=0.8, calibration={"ece": 0.02, "mean_confidence": mean_confidence, "bins": []})

    assert "over-confident, by 15 points" in said(evaluation(0.95), "warn")
    assert "too cautious, by 20 points" in said(evaluation(0.60), "note")
    assert "expected calibration error is 2.0 %" in said(evaluation(0.82), "good")


def test_epochs_tell_of_overfitting_and_of_stopping_early(make_evaluation: MakeEvaluation) -> None:
    """Both are read at the best epoch."""
    ahead = epoch(2, 0.75) | {"train_top1": 0.95}

    evaluation = make_evaluation(epochs=[epoch(1, 0.5), ahead])

    assert "Training is 20 points ahead of validation" in said(evaluation, "warn")
    assert "The last epoch was the best one" in said(evaluation, "note")
    assert "ahead of validation" not in said(make_evaluation(), "warn")


def test_missing_parts_are_said_first(make_evaluation: MakeEvaluation) -> None:
    """No test split, and files that trained nothing."""
    evaluation = untested(make_evaluation())

    assert "no test split" in findings(evaluation)[0].text
    assert "1 file was set aside" in said(evaluation, "warn")
