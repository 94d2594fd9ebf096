"""Give every image a split: those a dataset lacks are taken from train, class by class, always the same."""

import hashlib
from array import array
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from datasets.groups import compiled, group_of
from datasets.packed import Names, first_equals
from datasets.trees import Image, Images

_Member = TypeVar("_Member", str, int)
_NONE = -1
Units = Sequence[int]  # for each image a number, below how many there are; what belongs together has the same


def make_splits(
    images: Iterable[Image], fractions: Mapping[str, float], seed: int, units: Units | None = None
) -> tuple[Images, list[str]]:
    """Return the images by path, each with a split, and the names of the splits that were made, of `fractions`.

    A made split takes about its fraction of every class, at least one image, and always leaves one in train. A
    dataset without splits gets validation and test. The choice depends on the seed and each path alone, so neither
    the listing order nor an added image moves the others about. What is of one unit goes to one split, whatever the
    fractions lose by it.
    """
    images = Images.of(images)
    given = {split or "train" for split in images.splits.counts()}
    made = {name: fraction for name, fraction in fractions.items() if name not in given}
    leaders = _leaders(images, range(len(images)) if units is None else units)
    chosen: dict[int, str] = {}
    for ranked, sizes in _units_of_classes(images, leaders, seed):
        chosen.update(_chosen(ranked, sizes, made))
    splits = Names()
    for place, leader in enumerate(leaders):
        splits.append(chosen.get(leader, images.splits[place] or "train"))
    return images.sorted(splits), list(made)


def units_of(images: Iterable[Image], group_by: str) -> Units:
    """Return what belongs together as far as paths and contents tell: equal bytes, and groups by the pattern.

    Raises:
        DatasetError: the pattern is no regular expression.
    """
    images, pattern = Images.of(images), compiled(group_by)
    units = first_equals(len(images), images.content)
    if pattern is None:
        return units
    for place, first in enumerate(first_equals(len(images), lambda place: group_of(images.path(place), pattern))):
        one, other = sorted((_root(units, first), _root(units, place)))
        units[other] = one
    for place in range(len(units)):
        units[place] = _root(units, place)
    return units


def numbered(units: Iterable[Hashable]) -> list[int]:
    """Return a number for each value, the same for equal ones."""
    numbers: dict[Hashable, int] = {}
    return [numbers.setdefault(unit, len(numbers)) for unit in units]


def joined(keys: Mapping[_Member, Iterable[Hashable]]) -> dict[_Member, _Member]:
    """Return for each member the first one of its unit: those that share a key, or share one with one that does."""
    parents = {member: member for member in keys}

    def root(member: _Member) -> _Member:
        while parents[member] != member:
            parents[member] = parents[parents[member]]
            member = parents[member]
        return member

    owners: dict[Hashable, _Member] = {}
    for member in sorted(keys):
        for key in keys[member]:
            first, second = sorted((root(owners.setdefault(key, member)), root(member)))
            parents[second] = first
    return {member: root(member) for member in keys}


def _root(parents: "array[int]", place: int) -> int:
    while parents[place] != place:
        parents[place] = parents[parents[place]]
        place = parents[place]
    return place


def _leaders(images: Images, units: Units) -> "array[int]":
    """Return for each image of train the first one of its unit there, by path; for the others none."""
    is_train = {images.splits.number(name) for name in ("", "train")}
    first, leaders = array("l", [_NONE]) * len(images), array("l", [_NONE]) * len(images)
    for place in images.places():
        if images.splits.column[place] in is_train:
            unit = units[place]
            first[unit] = place if first[unit] == _NONE else first[unit]
            leaders[place] = first[unit]
    return leaders


def _units_of_classes(
    images: Images, leaders: Sequence[int], seed: int
) -> Iterator[tuple[list[int], Mapping[int, int]]]:
    """Yield, class by class, the units that a class leads, in the order that the seed gives them, and their sizes."""
    by_class = [array("l") for _ in images.classes.known]
    several: Counter[int] = Counter()
    for place, leader in enumerate(leaders):
        if leader == place:
            by_class[images.classes.column[place]].append(place)
        elif leader != _NONE:
            several[leader] += 1
    for of_class in by_class:
        yield sorted(of_class, key=lambda place: _rank(images.path(place), seed)), several


def _rank(path: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}/{path}".encode()).digest()


def _chosen(ranked: Sequence[int], others: Mapping[int, int], fractions: Mapping[str, float]) -> dict[int, str]:
    """Return leader -> split for the units of one class that leave train; `others` counts a unit's without its leader.

    A unit larger than what is still wanted is passed over while there are others; the last one stays in train.
    """
    total = sum(1 + others.get(unit, 0) for unit in ranked)
    left = list(ranked)
    chosen: dict[int, str] = {}
    for number, (name, fraction) in enumerate(fractions.items()):
        most = (total - 1) // len(fractions)
        wanted = min(max(1, round(total * fraction)), most)
        reserved = len(fractions) - number  # units for train and the splits that follow
        for unit in _fitting(left, others, wanted)[: max(0, len(left) - reserved)]:
            chosen[unit] = name
        left = [unit for unit in left if unit not in chosen]
    return chosen


def _fitting(ranked: Sequence[int], others: Mapping[int, int], wanted: int) -> list[int]:
    """Return units that hold about `wanted` images together: in their order, or the smallest where none is so small."""
    taken: list[int] = []
    room = wanted
    for unit in ranked:
        if (size := 1 + others.get(unit, 0)) <= room:
            taken.append(unit)
            room -= size
    return taken or ([min(ranked, key=lambda unit: others.get(unit, 0))] if ranked and wanted else [])
