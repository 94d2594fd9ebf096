"""Scores of a classifier from its predictions, by scikit-learn, which SageMaker's PyTorch training images hold.

Source: the Dockerfiles of aws/deep-learning-containers, pytorch/training/docker/2.4 to 2.8.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

CALIBRATION_BINS = 15
MAX_MISTAKES_TOLD = 3  # pictures of a class or group, for the gate to name
MAX_CONFUSIONS = 100_000  # cells; enough for 10,000 classes, few enough for the gate to read
_Z_95 = 1.959964  # 97.5 % quantile of the normal distribution


def confusions(labels: NDArray[Any], predicted: NDArray[Any]) -> list[list[int]]:
    """Return the cells of the confusion matrix that are not 0: true class, predicted class, number of images.

    The matrix of 10,000 classes would have 100 million; of more than 100,000 cells the most frequent are returned.
    """
    cells, counts = np.unique(np.stack([labels, predicted], axis=1), axis=0, return_counts=True)
    kept = np.sort(np.argsort(-counts, kind="stable")[:MAX_CONFUSIONS])
    return [[int(row), int(column), int(count)] for (row, column), count in zip(cells[kept], counts[kept], strict=True)]


def per_class_scores(labels: NDArray[Any], predicted: NDArray[Any], class_names: Sequence[str]) -> list[dict[str, Any]]:
    """Return precision, recall and F1 of every class; 0.0 where a score would divide by zero."""
    from sklearn import metrics

    scores = metrics.precision_recall_fscore_support(
        labels, predicted, labels=np.arange(len(class_names)), zero_division=0.0
    )
    return [
        {"class_name": name, "num_images": int(count), "precision": float(p), "recall": float(r), "f1": float(f)}
        for name, p, r, f, count in zip(class_names, *scores, strict=True)
    ]


def macro_f1(rows: Sequence[dict[str, Any]]) -> float | None:
    """Return the mean F1 of the classes that have test images; None where none has."""
    scores = [row["f1"] for row in rows if row["num_images"]]
    return float(np.mean(scores)) if scores else None


def top_k_accuracy(labels: NDArray[Any], logits: NDArray[Any], k: int) -> float | None:
    """Return the fraction of images whose class is among the `k` likeliest; None where that says nothing."""
    from sklearn import metrics

    num_classes = logits.shape[1]
    if num_classes <= k:
        return None
    return float(metrics.top_k_accuracy_score(labels, logits, k=k, labels=np.arange(num_classes)))


def accuracy_interval(num_correct: int, num_images: int) -> tuple[float, float]:
    """Return the 95 % interval of an accuracy: what else a test of so many images could have shown.

    Source: Wilson, Probable inference, the law of succession, and statistical inference, 1927.
    """
    share, squared = num_correct / num_images, _Z_95**2
    centre = share + squared / (2 * num_images)
    half = _Z_95 * math.sqrt(share * (1 - share) / num_images + squared / (4 * num_images**2))
    scale = 1 + squared / num_images
    return max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale)


def calibration(confidence: NDArray[Any], correct: NDArray[Any]) -> dict[str, Any]:
    """Return how far confidence can be believed: accuracy by bin of confidence, and the expected calibration error.

    `confidence` is the probability of the predicted class, `correct` whether it was the true one, both (N,).
    Source: Guo et al., On calibration of modern neural networks, 2017.
    """
    from sklearn.calibration import calibration_curve

    confidence = np.clip(confidence.astype(np.float64), 0.0, 1.0)
    accuracies, confidences = calibration_curve(correct.astype(int), confidence, pos_label=1, n_bins=CALIBRATION_BINS)
    edges = np.linspace(0.0, 1.0, CALIBRATION_BINS + 1)
    counts = np.bincount(np.searchsorted(edges[1:-1], confidence), minlength=CALIBRATION_BINS)
    bins = [
        {
            "low": float(edges[i]),
            "high": float(edges[i + 1]),
            "num_images": int(counts[i]),
            "confidence": c,
            "accuracy": a,
        }
        for i, c, a in zip(np.flatnonzero(counts), confidences.tolist(), accuracies.tolist(), strict=True)
    ]
    gaps = sum(row["num_images"] * abs(row["accuracy"] - row["confidence"]) for row in bins)
    return {"ece": gaps / len(confidence), "mean_confidence": float(confidence.mean()), "bins": bins}


def confident_mistakes(
    paths: Sequence[str],
    labels: NDArray[Any],
    probabilities: NDArray[Any],
    class_names: Sequence[str],
    limit: int = 24,
) -> list[dict[str, Any]]:
    """Return up to `limit` wrong predictions, the surest first: where labels are wrong, they are among these."""
    predicted = probabilities.argmax(axis=1)
    confidence = probabilities.max(axis=1)
    wrong = np.flatnonzero(predicted != labels)
    surest = wrong[np.argsort(-confidence[wrong], kind="stable")][:limit]
    return [
        {
            "path": paths[index],
            "class_name": class_names[labels[index]],
            "predicted": class_names[predicted[index]],
            "probability": float(confidence[index]),
            "probability_of_class": float(probabilities[index, labels[index]]),
        }
        for index in surest
    ]


def split_scores(
    paths: Sequence[str], labels: NDArray[Any], probabilities: NDArray[Any], class_names: Sequence[str]
) -> dict[str, Any]:
    """Return what evaluation.json says of the test split beside top-1 and loss."""
    predicted = probabilities.argmax(axis=1)
    correct = predicted == labels
    rows = per_class_scores(labels, predicted, class_names)
    worst = _worst_pictures(paths, labels, probabilities)
    rows = [row | {"mistakes": worst.get(index, [])} for index, row in enumerate(rows)]
    return {
        "test_top1_interval": list(accuracy_interval(int(correct.sum()), len(labels))),
        "test_top5": top_k_accuracy(labels, probabilities, 5),
        "macro_f1": macro_f1(rows),
        "per_class": rows,
        "confusions": confusions(labels, predicted),
        "calibration": calibration(probabilities.max(axis=1), correct),
        "mistakes": confident_mistakes(paths, labels, probabilities, class_names),
    }


def _worst_pictures(paths: Sequence[str], labels: NDArray[Any], probabilities: NDArray[Any]) -> dict[int, list[str]]:
    """Return by class the pictures that were taken for another with the greatest confidence."""
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    worst: dict[int, list[str]] = {}
    for index in wrong[np.argsort(-probabilities.max(axis=1)[wrong], kind="stable")].tolist():
        of_class = worst.setdefault(int(labels[index]), [])
        if len(of_class) < MAX_MISTAKES_TOLD:
            of_class.append(paths[index])
    return worst
