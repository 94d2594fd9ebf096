"""Which pictures show too little, or something else: blurred, dark, of one colour, tiny, or far from their class."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from training.doctor.duplicates import MAX_COMPARED
from training.doctor.neighbours import Features, class_blocks, mean_distance, unit_features
from training.doctor.signatures import Signature

DARK, BLANK = 24.0, 6.0  # of 255: mean grey, and standard deviation of grey
BLURRED_SHARE = 0.08  # of the dataset's median sharpness; a photograph blurred by 3 pixels of 224 has 0.02 of its own
TINY_SHARE = 0.5  # of the network's side
COMMON = 0.2  # what more of the pictures have than this is how the dataset is, and no fault of a picture
OUTLIER_DEVIATIONS = 5.0
NEIGHBOURS = 5
LEAST_OF_CLASS = 20  # pictures, to know what is usual


def poor_pictures(
    signatures: Sequence[Signature], image_size: int
) -> tuple[list[tuple[int, str, float, str]], list[str]]:
    """Return index, kind, severity and reason of each poor picture, and what is said of the dataset as a whole."""
    usual = float(np.median([signature.sharpness for signature in signatures])) if signatures else 0.0
    rows = [(index, *fault) for index, each in enumerate(signatures) for fault in _faults(each, usual, image_size)]
    common = {kind for kind in ("tiny", "blurred", "dark", "blank") if _count(rows, kind) > COMMON * len(signatures)}
    sentences = [f"{_count(rows, kind)} of {len(signatures)} pictures are {kind}: so is the dataset" for kind in common]
    return [row for row in rows if row[1] not in common], sorted(sentences)


def outliers(features: Features, labels: Sequence[int], limit: int = MAX_COMPARED) -> list[tuple[int, float]]:
    """Return index and deviations of the pictures that lie far from all others of their class, of `limit` at most."""
    far: list[tuple[int, float]] = []
    for block in class_blocks(labels, limit):
        rows = _outliers(unit_features(features, chosen=block), np.asarray(labels)[block])
        far += [(int(block[place]), deviations) for place, deviations in rows]
    return sorted(far, key=lambda row: -row[1])


def _outliers(unit: NDArray[np.float32], given: NDArray[np.int64]) -> list[tuple[int, float]]:
    far: list[tuple[int, float]] = []
    for label in np.unique(given):
        own = np.flatnonzero(given == label)
        if len(own) < LEAST_OF_CLASS:
            continue
        distance = mean_distance(unit[own], NEIGHBOURS)
        middle = np.median(distance)
        deviation = 1.4826 * np.median(np.abs(distance - middle)) + 1e-6
        scores = (distance - middle) / deviation
        far += [(int(own[place]), float(scores[place])) for place in np.flatnonzero(scores >= OUTLIER_DEVIATIONS)]
    return far


def _faults(signature: Signature, usual: float, image_size: int) -> list[tuple[str, float, str]]:
    faults = []
    if signature.shorter_side < TINY_SHARE * image_size:
        size = f"{signature.width} x {signature.height} pixels, and the network sees {image_size}"
        faults.append(("tiny", 1 - signature.shorter_side / image_size, size))
    if signature.brightness < DARK:
        faults.append(("dark", 1 - signature.brightness / DARK, f"mean brightness {signature.brightness:.0f} of 255"))
    elif signature.contrast < BLANK:
        faults.append(("blank", 1 - signature.contrast / BLANK, "nearly of one colour"))
    elif signature.sharpness < BLURRED_SHARE * usual:
        share = signature.sharpness / usual
        faults.append(("blurred", 1 - share, f"{share:.1%} of the sharpness that is usual here"))
    return faults


def _count(rows: Sequence[tuple[int, str, float, str]], kind: str) -> int:
    return sum(row[1] == kind for row in rows)
