"""The rule by which splits are made, written with objects and dictionaries: what the packed one is held to."""

import hashlib
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import replace

from datasets.groups import compiled, group_of
from datasets.layout import Image
from datasets.splits import joined

Units = Mapping[str, Hashable]  # path -> what belongs together has one value; a path that is not in it is by itself


def make_splits(
    images: Iterable[Image], fractions: Mapping[str, float], seed: int, units: Units | None = None
) -> tuple[list[Image], list[str]]:
    """Return the images, each with a split, and the names of the splits that were made, of those in `fractions`.

    A made split takes about its fraction of every class, at least one image, and always leaves one in train. A
    dataset without splits gets validation and test. The choice depends on the seed and each path alone, so neither
    the listing order nor an added image moves the others about. What is of one unit goes to one split, whatever the
    fractions lose by it.
    """
    images = [replace(image, split=image.split or "train") for image in images]
    given = {image.split for image in images}
    made = {name: fraction for name, fraction in fractions.items() if name not in given}
    members = _members((image for image in images if image.split == "train"), units or {})
    by_class: dict[str, list[list[Image]]] = defaultdict(list)
    for unit in members:
        by_class[unit[0].class_name].append(unit)
    chosen: dict[str, str] = {}
    for _, of_class in sorted(by_class.items()):
        chosen.update(_chosen(sorted(of_class, key=lambda unit: _rank(unit[0], seed)), made))
    return sorted(replace(image, split=chosen.get(image.path, image.split)) for image in images), list(made)


def units_of(images: Iterable[Image], group_by: str) -> dict[str, str]:
    """Return what belongs together as far as paths and contents tell: equal bytes, and groups by the pattern.

    Raises:
        DatasetError: the pattern is no regular expression.
    """
    pattern = compiled(group_by)
    keys: dict[str, list[str]] = {}
    for image in images:
        group = group_of(image.path, pattern)
        keys[image.path] = [f"group {group}"] * bool(group) + [f"content {image.content}"] * bool(image.content)
    return joined(keys)


def _members(images: Iterable[Image], units: Units) -> list[list[Image]]:
    """Return the images unit by unit, each sorted by path."""
    members: dict[Hashable, list[Image]] = defaultdict(list)
    for image in images:
        members[units.get(image.path, (image.path,))].append(image)
    return [sorted(unit, key=lambda image: image.path) for unit in members.values()]


def _rank(image: Image, seed: int) -> str:
    return hashlib.sha256(f"{seed}/{image.path}".encode()).hexdigest()


def _chosen(ranked: Sequence[list[Image]], fractions: Mapping[str, float]) -> dict[str, str]:
    """Return path -> split for the images of one class that leave train.

    A unit larger than what is still wanted is passed over while there are others; the last one stays in train.
    """
    total = sum(map(len, ranked))
    left = list(ranked)
    chosen: dict[str, str] = {}
    for number, (name, fraction) in enumerate(fractions.items()):
        most = (total - 1) // len(fractions)
        wanted = min(max(1, round(total * fraction)), most)
        reserved = len(fractions) - number  # units for train and the splits that follow
        for unit in _fitting(left, wanted)[: max(0, len(left) - reserved)]:
            left.remove(unit)
            chosen.update({image.path: name for image in unit})
    return chosen


def _fitting(ranked: Sequence[list[Image]], wanted: int) -> list[list[Image]]:
    """Return units that hold about `wanted` images together: in their order, or the smallest where none is so small."""
    taken: list[list[Image]] = []
    room = wanted
    for unit in ranked:
        if len(unit) <= room:
            taken.append(unit)
            room -= len(unit)
    return taken or ([min(ranked, key=len)] if ranked and wanted else [])
