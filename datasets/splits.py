"""Give every image a split: those a dataset lacks are taken from train, class by class, always the same."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from datasets.layout import Image


def make_splits(images: Iterable[Image], fractions: Mapping[str, float], seed: int) -> tuple[list[Image], list[str]]:
    """Return the images, each with a split, and the names of the splits that were made, of those in `fractions`.

    A made split takes about its fraction of every class, at least one image, and always leaves one in train. A
    dataset without splits gets validation and test. The choice depends on the seed and each path alone, so neither
    the listing order nor an added image moves the others about.
    """
    images = [replace(image, split=image.split or "train") for image in images]
    given = {image.split for image in images}
    made = {name: fraction for name, fraction in fractions.items() if name not in given}
    by_class: dict[str, list[Image]] = defaultdict(list)
    for image in images:
        if image.split == "train":
            by_class[image.class_name].append(image)
    chosen: dict[str, str] = {}
    for of_class in by_class.values():
        chosen.update(_chosen(sorted(of_class, key=lambda image: _rank(image, seed)), made))
    return sorted(replace(image, split=chosen.get(image.path, image.split)) for image in images), list(made)


def _rank(image: Image, seed: int) -> str:
    return hashlib.sha256(f"{seed}/{image.path}".encode()).hexdigest()


def _chosen(ranked: Sequence[Image], fractions: Mapping[str, float]) -> dict[str, str]:
    """Return path -> split for the images of one class that leave train."""
    chosen: dict[str, str] = {}
    start = 0
    for name, fraction in fractions.items():
        most = (len(ranked) - 1) // len(fractions)
        count = min(max(1, round(len(ranked) * fraction)), most)
        chosen.update({image.path: name for image in ranked[start : start + count]})
        start += count
    return chosen
