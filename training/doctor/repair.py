"""Which split each picture belongs in, so that equal pictures and groups are on one side."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from datasets.groups import compiled, group_of
from datasets.layout import Image
from datasets.splits import joined, make_splits, numbered

ORDER = ("train", "validation", "test")  # what leaks leaves the later split


@dataclass(frozen=True)
class Placed:
    """A picture as the splits have it now."""

    path: str
    class_name: str
    split: str


def moves(
    pictures: Sequence[Placed],
    clusters: Sequence[int],
    group_by: str,
    made: Mapping[str, float],
    seed: int,
) -> dict[str, str]:
    """Return the pictures that have to change: path -> split, or "" for those that are taken out.

    Splits that were made (`made`, with their fractions) are made again where a unit is in several of them; from splits
    that were given, what is in an earlier one too leaves.

    Raises:
        DatasetError: `group_by` is no regular expression.
    """
    units = units_of_pictures(pictures, clusters, group_by)
    own = ("train", *made)
    placed = {picture.path: picture.split for picture in pictures}
    if made and _is_divided((picture for picture in pictures if picture.split in own), units):
        pool = [Image(each.path, each.class_name, "train" if each.split in own else each.split) for each in pictures]
        again, _ = make_splits(pool, made, seed, numbered(units[each.path] for each in pictures))
        placed |= {image.path: image.split for image in again}
    leaving = _leaving(pictures, placed, units)
    changed = {path: split for path, split in placed.items() if path not in leaving}
    before = {picture.path: picture.split for picture in pictures}
    return {path: split for path, split in changed.items() if split != before[path]} | dict.fromkeys(leaving, "")


def units_of_pictures(pictures: Sequence[Placed], clusters: Sequence[int], group_by: str) -> dict[str, str]:
    """Return path -> the first path of what it belongs with: its copies, and its group."""
    pattern = compiled(group_by)
    keys = {}
    for picture, cluster in zip(pictures, clusters, strict=True):
        group = group_of(picture.path, pattern)
        keys[picture.path] = [f"cluster {cluster}"] + [f"group {group}"] * bool(group)
    return joined(keys)


def _is_divided(pictures: Iterable[Placed], units: Mapping[str, str]) -> bool:
    splits: dict[str, set[str]] = defaultdict(set)
    for picture in pictures:
        splits[units[picture.path]].add(picture.split)
    return any(len(of_unit) > 1 for of_unit in splits.values())


def _leaving(pictures: Sequence[Placed], placed: Mapping[str, str], units: Mapping[str, str]) -> set[str]:
    """Return the paths that are of a unit of which an earlier split has a part."""
    first: dict[str, int] = {}
    for picture in pictures:
        place = ORDER.index(placed[picture.path])
        first[units[picture.path]] = min(place, first.get(units[picture.path], place))
    return {each.path for each in pictures if ORDER.index(placed[each.path]) > first[units[each.path]]}
