"""The page about a training job: evaluation.json as a person reads it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reports import training_charts as charts
from reports.champion import champion_findings, champion_section
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
    cells = np.asarray(evaluation["confusions"], np.int64) if rows else None
    return render(
        "training.html",
        title=f"Training report: {evaluation['training_job_name']}",
        evaluation=evaluation,
        findings=[*findings(evaluation), *champion_findings(evaluation.get("champion"))],
        champion=champion_section(evaluation.get("champion")),
        loss_curve=charts.curves(epochs, best_epoch, "loss", "cross-entropy loss", share=False),
        top1_curve=charts.curves(epochs, best_epoch, "top1", "top-1 accuracy", share=True),
        learning_rate_curve=charts.learning_rate(epochs, best_epoch),
        throughput_chart=charts.throughput(epochs, counted(evaluation)),
        counted=counted(evaluation),
        speed=speed(epochs),
        confusion=None if cells is None else confusion_section(cells, evaluation["class_names"]),
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


def confusion_section(confused: NDArray[np.int64], class_names: Sequence[str]) -> dict[str, Any]:
    """Return the heat map, what its cells hold, and the most frequent confusions.

    `confused` (N, 3) holds true class, predicted class and number of images of each cell that is not 0.
    """
    order = _worst(confused, len(class_names))
    is_large = len(class_names) > charts.MAX_LABELLED_CLASSES
    if is_large:
        order = [order[index] for index in charts.similarity_order(_matrix(confused, order))]
    shown = _matrix(confused, order)
    names = [class_names[index] for index in order]
    cells = [[int(row), int(column), int(shown[row, column])] for row, column in zip(*np.nonzero(shown), strict=True)]
    return {
        "chart": charts.confusion(shown, names),
        "cells": {"classes": names, "cells": cells},
        "is_reordered": is_large,
        "num_shown": len(order),
        "num_classes": len(class_names),
        "pairs": confusions(confused, class_names),
    }


def confusions(confused: NDArray[np.int64], class_names: Sequence[str]) -> list[dict[str, Any]]:
    """Return the pairs of classes that are taken for each other most often, with their share of the true class."""
    totals = np.bincount(confused[:, 0], weights=confused[:, 2], minlength=len(class_names))
    pairs = [
        {
            "class_name": class_names[row],
            "predicted": class_names[column],
            "count": int(count),
            "share": float(count / totals[row]),
        }
        for row, column, count in confused
        if row != column
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


def _worst(confused: NDArray[np.int64], num_classes: int) -> list[int]:
    """Return the classes that a heat map can show: all, or those with the most errors."""
    if num_classes <= MAX_HEAT_MAP_CLASSES:
        return list(range(num_classes))
    rows, columns, counts = confused[confused[:, 0] != confused[:, 1]].T
    errors = sum(np.bincount(classes, weights=counts, minlength=num_classes) for classes in (rows, columns))
    return sorted(int(index) for index in np.argsort(-np.asarray(errors), kind="stable")[:MAX_HEAT_MAP_CLASSES])


def _matrix(confused: NDArray[np.int64], order: Sequence[int]) -> NDArray[np.int64]:
    """Return the confusion matrix of the classes in `order`."""
    places = {index: place for place, index in enumerate(order)}
    matrix = np.zeros((len(order), len(order)), np.int64)
    for row, column, count in confused.tolist():
        if row in places and column in places:
            matrix[places[row], places[column]] = count
    return matrix
