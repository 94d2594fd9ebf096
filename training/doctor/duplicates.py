"""Which pictures are the same: byte for byte, or cropped, resized or saved again.

Candidates come from perceptual hashes and from the network's features, a few for each picture; each is then verified on
the pictures' details. How alike two different pictures of a class are is measured on the data itself: scans of one
digit, or X-rays of one bone, are far more alike than two photographs, and must not all count as copies.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datasets.splits import joined
from training.doctor.alignment import Details, alignments, correlations, details
from training.doctor.neighbours import Features, class_blocks, hash_rows, nearest, unit_features
from training.doctor.signatures import Signature

MAX_HASH_DISTANCE = 10  # of 64 bits, for candidates
HASH_NEIGHBOURS, FEATURE_NEIGHBOURS = 8, 5
LEAST_COSINE = 0.35  # of features, for candidates: a crop to 0.6 of the sides has 0.37 or more in 95 of 100 cases
NEAR = 0.75  # correlation of details from which two pictures count as one
NEAR_WITH_FEATURES, ALIKE_FEATURES = 0.6, 0.8  # the same with features that agree
DEVIATIONS = 6  # of chance, above what is usual between pictures of a class
LEAST_SIDE = 64  # pixels; smaller pictures have no details that a crop could be found by
MAX_COMPARED = 100_000  # pictures with each other; of more, classes that make up as many
MAX_ALIGNED, LEAST_ALIGNED = 200_000, 20_000  # candidates, those with the nearest features first; of each block
LEAST_OF_CLASS = 20  # pictures, to see how alike they are
_SAMPLED = 256  # pairs of one class, to see how alike its pictures are


@dataclass(frozen=True)
class Pair:
    """Two pictures that are the same, by index."""

    first: int
    second: int
    is_exact: bool  # byte for byte
    score: float  # 1 for exact ones, else the correlation of their details


def find_pairs(
    signatures: Sequence[Signature],
    labels: Sequence[int],
    features: Features | None,
    seed: int = 0,
    limit: int = MAX_COMPARED,
) -> list[Pair]:
    """Return the pairs that make equal pictures equal: of n equal files n - 1 pairs, and their near copies.

    Near copies are looked for among at most `limit` pictures at a time, class by class; equal files among all.
    """
    pairs, representatives = _exact(signatures)
    blocks = class_blocks([labels[index] for index in representatives], limit)
    for block in blocks:
        chosen = np.asarray(representatives, np.int64)[block]
        if len(chosen) > 1:
            of_chosen = [signatures[index] for index in chosen]
            unit = None if features is None else unit_features(features, chosen=chosen)
            mates = _class_mates([labels[index] for index in chosen], seed)
            rows = details([signature.thumbnail for signature in of_chosen])
            near = _near(of_chosen, rows, unit, mates, max(LEAST_ALIGNED, MAX_ALIGNED // len(blocks)))
            pairs += [Pair(int(chosen[i]), int(chosen[j]), False, score) for i, j, score in near]
    return pairs


def clusters(count: int, pairs: Iterable[Pair]) -> list[int]:
    """Return for each of `count` pictures the lowest index of those that are the same as it, itself included."""
    shared: dict[int, list[int]] = {index: [] for index in range(count)}
    for number, pair in enumerate(pairs):
        shared[pair.first].append(number)
        shared[pair.second].append(number)
    return list(joined(shared).values())


def _exact(signatures: Sequence[Signature]) -> tuple[list[Pair], list[int]]:
    """Return the pairs of equal files, and the first picture of each content."""
    first: dict[bytes, int] = {}
    pairs = []
    for index, signature in enumerate(signatures):
        earlier = first.setdefault(signature.sha256, index)
        if earlier != index:
            pairs.append(Pair(earlier, index, True, 1.0))
    return pairs, list(first.values())


def _near(
    signatures: Sequence[Signature],
    rows: Details,
    unit: NDArray[np.float32] | None,
    mates: NDArray[np.int64],
    most_aligned: int,
) -> Iterator[tuple[int, int, float]]:
    """Yield pairs of `signatures` that are near copies, with their correlation."""
    hashed = nearest(
        hash_rows([signature.perceptual_hash for signature in signatures]),
        HASH_NEIGHBOURS,
        1 - MAX_HASH_DISTANCE / 32,
    )
    by_features = np.empty((0, 2), np.int64) if unit is None else nearest(unit, FEATURE_NEIGHBOURS, LEAST_COSINE)
    candidates = np.unique(np.concatenate([hashed, by_features]), axis=0)
    whole = correlations(rows, candidates)
    limit = max(NEAR, _chance_limit(correlations(rows, mates)))
    yield from _rows_of(candidates[whole >= limit], whole[whole >= limit])
    if unit is None:
        return
    sides = np.array([signature.shorter_side for signature in signatures])
    others = candidates[(whole < limit) & (sides[candidates].min(axis=1) >= LEAST_SIDE)]
    cosines = np.einsum("ij,ij->i", unit[others[:, 0]], unit[others[:, 1]])
    order = np.argsort(-cosines, kind="stable")[:most_aligned]
    order = order[cosines[order] >= LEAST_COSINE]
    if len(order):
        others, cosines = others[order], cosines[order]
        aligned = alignments(rows, others)
        chance = _chance_limit(alignments(rows, mates[:_SAMPLED]))
        is_near = aligned >= max(NEAR, chance)
        is_near |= (aligned >= max(NEAR_WITH_FEATURES, chance)) & (cosines >= ALIKE_FEATURES)
        yield from _rows_of(others[is_near], aligned[is_near])


def _chance_limit(values: NDArray[np.float32]) -> float:
    """Return the correlation that two different pictures of a class do not reach; 0 where there are none to tell."""
    if len(values) < 8:
        return 0.0
    straight = np.arctanh(np.clip(values, -0.999, 0.999))
    middle = float(np.median(straight))
    deviation = (middle - float(np.quantile(straight, 0.25))) / 0.6745  # of a normal one; copies among them lie above
    return float(np.tanh(middle + DEVIATIONS * deviation))


def _class_mates(labels: Sequence[int], seed: int) -> NDArray[np.int64]:
    """Return pairs (P, 2) of different pictures of one class, drawn by chance."""
    members: dict[int, list[int]] = defaultdict(list)
    for index, label in enumerate(labels):
        members[label].append(index)
    rng = np.random.default_rng(seed)
    classes = [indices for _, indices in sorted(members.items()) if len(indices) >= LEAST_OF_CLASS]
    pairs = (
        [rng.choice(classes[turn % len(classes)], 2, replace=False) for turn in range(8 * _SAMPLED)] if classes else []
    )
    return np.asarray(pairs, np.int64).reshape(-1, 2)


def _rows_of(pairs: NDArray[np.int64], scores: NDArray[np.float32]) -> Iterator[tuple[int, int, float]]:
    for (first, second), score in zip(pairs.tolist(), scores.tolist(), strict=True):
        yield first, second, score
