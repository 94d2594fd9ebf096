"""What the numbers of a training job say, in sentences; each follows from the numbers by a rule that stands here."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reports.pages import percent

FEW_TEST_IMAGES = 300  # below, the 95 % interval of an accuracy of 0.9 is wider than 6.8 points
OVERFITTING_GAP = 0.10  # of top-1 between training and validation at the best epoch
CALIBRATION_GAP = 0.05  # between mean confidence and accuracy
MIN_CLASS_IMAGES = 5  # of the test split, to call a class weak
WEAK_BELOW_MEAN = 0.15  # recall so far below the accuracy
WEAK_RECALL = 0.5  # below, a class is weak however low the accuracy


@dataclass(frozen=True)
class Finding:
    """One sentence; `kind` is good, note or warn."""

    kind: str
    text: str


def findings(evaluation: Mapping[str, Any]) -> list[Finding]:
    """Return what a person should know first, the result before what to do about it."""
    sentences = [_accuracy(evaluation), *_classes(evaluation), *_confidence(evaluation), *_epochs(evaluation)]
    sentences += _serving(evaluation)
    set_aside = sum(problem["kind"] == "set aside" for problem in evaluation["data_problems"])
    if set_aside:
        noun = "file was" if set_aside == 1 else "files were"
        sentences.append(
            Finding("warn", f"{set_aside} {noun} set aside and taught nothing; the section on data says why.")
        )
    if len(evaluation["data_problems"]) > set_aside:
        count = len(evaluation["data_problems"]) - set_aside
        sentences.append(
            Finding("note", f"{count} more remarks on the data, such as duplicates, are in the section on data.")
        )
    return sentences


def _accuracy(evaluation: Mapping[str, Any]) -> Finding:
    count = evaluation["num_test_images"]
    if not count:
        return Finding("note", "There was no test split, so nothing here says how well the model does on new images.")
    low, high = evaluation["test_top1_interval"]
    text = (
        f"{percent(evaluation['test_top1'])} of {count:,} test images are classified correctly; "
        f"with so many images the true accuracy lies between {percent(low)} and {percent(high)} (95 % interval)."
    )
    text += _clean(evaluation)
    return Finding("note", text + (" More test images would narrow that." if count < FEW_TEST_IMAGES else ""))


def _clean(evaluation: Mapping[str, Any]) -> str:
    """Return how many test images do not count, since they, or their group, are in another split too."""
    left = evaluation.get("examination", {}).get("num_left", {}).get("test", 0)
    if not left:
        return ""
    verb = "is" if left == 1 else "are"
    return f" {left} more {verb} in another split too and left the test."


def _classes(evaluation: Mapping[str, Any]) -> list[Finding]:
    rows = [row for row in evaluation["per_class"] if row["num_images"] >= MIN_CLASS_IMAGES]
    if not rows:
        return []
    limit = max(evaluation["test_top1"] - WEAK_BELOW_MEAN, WEAK_RECALL)
    weak = sorted((row for row in rows if row["recall"] < limit), key=lambda row: row["recall"])
    if not weak:
        worst = min(rows, key=lambda row: row["recall"])
        is_whole = len(rows) == len(evaluation["per_class"])
        among = "" if is_whole else f" of those with at least {MIN_CLASS_IMAGES} test images"
        text = (
            f"No class{among} stands out: the weakest, {_quoted(worst)}, has a recall of {percent(worst['recall'], 0)}."
        )
        return [Finding("good", text)]
    named = ", ".join(f"{_quoted(row)} ({percent(row['recall'], 0)} of {row['num_images']} right)" for row in weak[:3])
    more = f" and {len(weak) - 3} more" if len(weak) > 3 else ""
    return [
        Finding("warn", f"Weak classes: {named}{more}. Look at their mistakes and labels, then add images of them.")
    ]


def _confidence(evaluation: Mapping[str, Any]) -> list[Finding]:
    if not evaluation["num_test_images"]:
        return []
    gap = evaluation["calibration"]["mean_confidence"] - evaluation["test_top1"]
    ece = evaluation["calibration"]["ece"]
    if max(abs(gap), ece) <= CALIBRATION_GAP:
        return [
            Finding("good", f"Probabilities can be read as such: their expected calibration error is {percent(ece)}.")
        ]
    if abs(gap) <= CALIBRATION_GAP:
        text = f"Probabilities are off by {percent(ece)}, too high for some answers and too low for others."
        return [Finding("warn", text)]
    points = f"{abs(gap) * 100:.0f} points"
    if gap > 0:
        text = f"The model is over-confident, by {points} on average; more label smoothing or augmentation helps."
        return [Finding("warn", text)]
    text = f"The model is too cautious, by {points} on average: its answers are right more often than it says."
    return [Finding("note", text)]


def _epochs(evaluation: Mapping[str, Any]) -> list[Finding]:
    epochs: Sequence[Mapping[str, Any]] = evaluation["epochs"]
    best = next((row for row in epochs if row["epoch"] == evaluation["best_epoch"]), None)
    if best is None:
        return []
    sentences = _divergence(epochs, evaluation)
    gap = _difference(best["train_top1"], best["validation_top1"])
    if gap > OVERFITTING_GAP:
        text = (
            f"Training is {gap * 100:.0f} points ahead of validation: more images, augmentation or weight decay help."
        )
        sentences.append(Finding("warn", text))
    if len(epochs) > 1 and best["epoch"] == epochs[-1]["epoch"] and best["validation_top1"] < 1:
        sentences.append(Finding("note", "The last epoch was the best one: more epochs may still gain."))
    return sentences


def _divergence(epochs: Sequence[Mapping[str, Any]], evaluation: Mapping[str, Any]) -> list[Finding]:
    """An epoch whose loss is no number ends the training; evaluation.json has null for it."""
    last = epochs[-1]
    if _is_number(last["train_loss"]) and _is_number(last["validation_loss"]):
        return []
    rate = evaluation["hyperparameters"].get("lr")
    remedy = "a lower learning rate" if rate is None else f"a lower learning rate than {rate}"
    text = (
        f"Training broke down in epoch {last['epoch']}, where the loss was no number any more; the weights are those "
        f"of epoch {evaluation['best_epoch']}. Use {remedy}."
    )
    return [Finding("warn", text)]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _difference(left: Any, right: Any) -> float:
    return float(left - right) if _is_number(left) and _is_number(right) else 0.0


def _quoted(row: Mapping[str, Any]) -> str:
    return f"\N{LEFT DOUBLE QUOTATION MARK}{row['class_name']}\N{RIGHT DOUBLE QUOTATION MARK}"


def _serving(evaluation: Mapping[str, Any]) -> list[Finding]:
    """Return that an endpoint on a CPU is slower than it might be, and why."""
    serving = evaluation.get("serving") or {}
    if serving.get("precision", "int8") == "int8":
        return []
    how = "in fp32" if serving["engine"] == "openvino" else f"by {serving['engine']}"
    return [Finding("note", f"On a CPU it is served {how}, which takes longer than int8: {serving['reason']}.")]
