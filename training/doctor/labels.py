"""Which labels are suspect: those that a classifier, trained on the other pictures alone, confidently contradicts.

Source: C. Northcutt, L. Jiang, I. Chuang, Confident Learning: Estimating Uncertainty in Dataset Labels, JAIR 2021.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from training.doctor.neighbours import Features, unit_features

MAX_JUDGED = 100_000  # pictures by each other
_MAX_PROBABILITIES = 50_000_000  # of pictures and classes, 400 MB
FOLDS = 5
LEAST_IMAGES = 5  # of a class, to judge its labels
LEAST_MARGIN = 0.3  # of probability, by which another class is ahead
_COMPONENTS = 256  # of features
_SCALE = 16.0  # rows of norm 1 need large weights otherwise
_PENALTY = 3e-2  # with a tenth, wrong labels are learned by heart (docs/experiments.md)
_STEPS = 200  # at the most
_TOLERANCE = 1e-3  # relative, of the weights


@dataclass(frozen=True)
class Suspect:
    """A picture whose label is probably wrong."""

    index: int
    label: int  # that it probably should have
    margin: float  # of its probability over the given label's


def suspects(
    features: Features, labels: Sequence[int], clusters: Sequence[int], limit: int = MAX_JUDGED
) -> list[Suspect]:
    """Return the suspects, the surest first; copies of a picture (`clusters`) never judge it.

    Of more than `limit` pictures, or many of many classes, each is judged by as many others, drawn by chance.
    """
    given = np.asarray(labels)
    num_classes = int(given.max()) + 1 if len(given) else 0
    blocks = _blocks(np.asarray(clusters), max(LEAST_IMAGES, min(limit, _MAX_PROBABILITIES // max(1, num_classes))))
    rows = [each for block in blocks for each in _suspects(features, given, np.asarray(clusters), block)]
    return sorted(rows, key=lambda row: -row.margin)


def _blocks(clusters: NDArray[np.int64], limit: int) -> list[NDArray[np.int64]]:
    """Return the places of all pictures in blocks of about `limit`, with copies together."""
    heads, cluster = np.unique(clusters, return_inverse=True)
    number = -(-len(clusters) // limit)
    block_of = np.random.default_rng(0).permutation(len(heads)) % max(1, number)
    return [np.flatnonzero(block_of[cluster] == block) for block in range(number)]


def _suspects(
    features: Features, labels: NDArray[np.int64], clusters: NDArray[np.int64], block: NDArray[np.int64]
) -> list[Suspect]:
    given = labels[block]
    num_classes = int(labels.max()) + 1
    counts = np.bincount(given, minlength=num_classes)
    if np.count_nonzero(counts >= LEAST_IMAGES) < 2:
        return []
    _, first, inverse = np.unique(clusters[block], return_index=True, return_inverse=True)
    rows = unit_features(features, _COMPONENTS, block)
    probabilities = out_of_fold(rows, given, first[inverse], num_classes)
    own = probabilities[np.arange(len(given)), given]
    # A class is confidently predicted where its probability is what its own pictures have on average.
    usual = np.array(
        [own[given == label].mean() if counts[label] >= LEAST_IMAGES else 2.0 for label in range(num_classes)]
    )
    confident = np.where(probabilities >= usual, probabilities, 0)
    other = confident.argmax(axis=1)
    margin = confident.max(axis=1) - own
    is_suspect = (other != given) & (margin >= LEAST_MARGIN)
    return [Suspect(int(block[index]), int(other[index]), float(margin[index])) for index in np.flatnonzero(is_suspect)]


def out_of_fold(
    unit: NDArray[np.float32], labels: NDArray[np.int64], clusters: NDArray[np.int64], num_classes: int
) -> NDArray[np.float64]:
    """Return the probabilities (N, classes) of each picture by a head that has seen neither it nor a copy of it."""
    rows = torch.from_numpy(unit) * _SCALE
    targets = torch.from_numpy(labels)
    folds = torch.from_numpy(_folds(labels, clusters))
    probabilities = torch.zeros(len(rows), num_classes, dtype=torch.float64)
    for fold in range(FOLDS):
        left_out = folds == fold
        if left_out.any() and not left_out.all():
            head = _head(rows[~left_out], targets[~left_out], num_classes)
            probabilities[left_out] = (_with_one(rows[left_out]) @ head).double().softmax(dim=1)
    return probabilities.numpy()


def _folds(labels: NDArray[np.int64], clusters: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the fold of each picture: the clusters of each class in turn, in an order that no name decides."""
    folds = np.zeros(len(labels), np.int64)
    heads = np.unique(clusters)
    order = np.random.default_rng(0).permutation(len(heads))
    order = order[np.argsort(labels[heads[order]], kind="stable")]
    fold_of = dict(zip(heads[order].tolist(), (np.arange(len(heads)) % FOLDS).tolist(), strict=True))
    folds[:] = [fold_of[cluster] for cluster in clusters.tolist()]
    return folds


def _head(rows: Tensor, targets: Tensor, num_classes: int) -> Tensor:
    """Return the weights (features + 1, classes) of a softmax regression, by accelerated gradients.

    The loss is strongly convex: weights are off by the norm of their slope over the penalty at the most, which ends it.

    Source: Y. Nesterov, Introductory Lectures on Convex Optimization, 2004, section 2.2.
    """
    inputs = _with_one(rows)
    wanted = functional.one_hot(targets, num_classes).float()
    steepness = float(torch.linalg.matrix_norm(inputs, 2)) ** 2 / (2 * len(inputs)) + _PENALTY
    root = (_PENALTY / steepness) ** 0.5
    momentum = (1 - root) / (1 + root)
    weights = before = torch.zeros(inputs.shape[1], num_classes)
    for _ in range(_STEPS):
        ahead = weights + momentum * (weights - before)
        slope = inputs.T @ ((inputs @ ahead).softmax(dim=1) - wanted) / len(inputs) + _PENALTY * ahead
        weights, before = ahead - slope / steepness, weights
        if slope.norm() <= _TOLERANCE * _PENALTY * weights.norm():
            break
    return weights


def _with_one(rows: Tensor) -> Tensor:
    return torch.cat([rows, torch.ones(len(rows), 1)], dim=1)
