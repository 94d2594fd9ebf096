"""The page about a training job: evaluation.json as a person reads it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reports import training_charts as charts
from reports.findings import findings
from reports.pages import render

MAX_CONFUSIONS = 15
MAX_CLASS_ROWS = 2000  # of more, those with the lowest F1 are shown
MAX_HEAT_MAP_CLASSES = 300
MAX_PROBLEMS = 200


def training_report(evaluation: Mapping[str, Any], thumbnails: Mapping[str, bytes]) -> str:
    """Return the HTML page; `thumbnails` are JPEGs by the path of the image."""
    epochs, best_epoch = evaluation["epochs"], evaluation["best_epoch"]
    rows = evaluation["per_class"]
    matrix = np.asarray(evaluation["confusion_matrix"], np.int64) if rows else None
    return render(
        "training.html",
        title=f"Training report: {evaluation['training_job_name']}",
        evaluation=evaluation,
        findings=findings(evaluation),
        loss_curve=charts.curves(epochs, best_epoch, "loss", "cross-entropy loss", share=False),
        top1_curve=charts.curves(epochs, best_epoch, "top1", "top-1 accuracy", share=True),
        learning_rate_curve=charts.learning_rate(epochs, best_epoch),
        throughput_chart=charts.throughput(epochs, counted(evaluation)),
        counted=counted(evaluation),
        speed=speed(epochs),
        confusion=None if matrix is None else confusion_section(matrix, evaluation["class_names"]),
        class_rows=sorted(rows, key=lambda row: row["f1"])[:MAX_CLASS_ROWS],
        sizes_chart=charts.class_sizes(rows) if rows else None,
        reliability_chart=charts.reliability(evaluation["calibration"]["bins"]) if rows else None,
        thumbnails=thumbnails,
        problems=evaluation["data_problems"][:MAX_PROBLEMS],
        settings=settings_table(evaluation),
        serving=serving(evaluation),
        versions=evaluation["versions"],
    )


def counted(evaluation: Mapping[str, Any]) -> str:
    """Return what the speed of training counts: a head on features reads no image, so its rate is no network's."""
    return "feature rows" if evaluation.get("trained_on") == "features" else "images"


def speed(epochs: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
    """Return seconds in all, seconds an epoch and images a second, of training with its validation."""
    seconds = [row["seconds"] for row in epochs if row["seconds"] is not None]
    rates = [row["images_per_second"] for row in epochs if row["images_per_second"] is not None]
    return {
        "seconds": sum(seconds) if seconds else None,
        "seconds_per_epoch": float(np.median(seconds)) if seconds else None,
        "images_per_second": float(np.median(rates)) if rates else None,
    }


def confusion_section(matrix: NDArray[np.int64], class_names: Sequence[str]) -> dict[str, Any]:
    """Return the heat map, what its cells hold, and the most frequent confusions."""
    order = list(range(len(matrix)))
    is_large = len(matrix) > charts.MAX_LABELLED_CLASSES
    if is_large:
        order = _worst(matrix)
        order = [order[index] for index in charts.similarity_order(matrix[np.ix_(order, order)])]
    shown = matrix[np.ix_(order, order)]
    names = [class_names[index] for index in order]
    cells = [[int(row), int(column), int(shown[row, column])] for row, column in zip(*np.nonzero(shown), strict=True)]
    return {
        "chart": charts.confusion(shown, names),
        "cells": {"classes": names, "cells": cells},
        "is_reordered": is_large,
        "num_shown": len(order),
        "num_classes": len(matrix),
        "pairs": confusions(matrix, class_names),
    }


def confusions(matrix: NDArray[np.int64], class_names: Sequence[str]) -> list[dict[str, Any]]:
    """Return the pairs of classes that are taken for each other most often, with their share of the true class."""
    wrong = matrix.copy()
    np.fill_diagonal(wrong, 0)
    totals = matrix.sum(axis=1)
    pairs = [
        {
            "class_name": class_names[row],
            "predicted": class_names[column],
            "count": int(wrong[row, column]),
            "share": float(wrong[row, column] / totals[row]),
        }
        for row, column in zip(*np.nonzero(wrong), strict=True)
    ]
    return sorted(pairs, key=lambda pair: (-pair["count"], -pair["share"]))[:MAX_CONFUSIONS]


def settings_table(evaluation: Mapping[str, Any]) -> dict[str, Any]:
    """Return the hyperparameters by name, without what the page's head says already."""
    shown_elsewhere = {"training_job_name", "dataset_fingerprint"}
    return {name: value for name, value in sorted(evaluation["hyperparameters"].items()) if name not in shown_elsewhere}


def serving(evaluation: Mapping[str, Any]) -> dict[str, Any]:
    """Return how the artifact is served, and why; {} where no model was saved."""
    described = evaluation.get("serving") or {}
    return {str(name).replace("_", " "): value for name, value in described.items() if value not in (None, "")}


def _worst(matrix: NDArray[np.int64]) -> list[int]:
    """Return the classes that a heat map can show: all, or those with the most errors."""
    if len(matrix) <= MAX_HEAT_MAP_CLASSES:
        return list(range(len(matrix)))
    errors = matrix.sum(axis=0) + matrix.sum(axis=1) - 2 * matrix.diagonal()
    return sorted(int(index) for index in np.argsort(-errors, kind="stable")[:MAX_HEAT_MAP_CLASSES])
