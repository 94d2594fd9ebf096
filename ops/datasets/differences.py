"""What differs between the pictures of two runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from datasets.pictures import Picture


@dataclass(frozen=True)
class Change:
    """A picture before and after; None where it is not there."""

    before: Picture | None
    after: Picture | None

    @property
    def path(self) -> str:
        """Return the path by which it is listed."""
        picture = self.after or self.before
        assert picture is not None  # noqa: S101
        return picture.path

    @property
    def words(self) -> str:
        """Return what became of it, in a few words."""
        if self.before is None or self.after is None:
            picture = self.after or self.before
            return f"{picture.class_name}, {picture.split}" if picture else ""
        pairs = ((self.before.class_name, self.after.class_name), (self.before.split, self.after.split))
        words = [f"{old} to {new}" for old, new in pairs if old != new]
        if self.before.path != self.after.path:
            words.append(f"was {self.before.path}")
        return ", ".join(words) or "other bytes"


@dataclass
class Differences:
    """Changes by their kind; one picture may be in two of them."""

    added: list[Change] = field(default_factory=list)
    removed: list[Change] = field(default_factory=list)
    relabelled: list[Change] = field(default_factory=list)
    moved: list[Change] = field(default_factory=list)  # between splits
    replaced: list[Change] = field(default_factory=list)  # other bytes under the same path
    renamed: list[Change] = field(default_factory=list)

    def kinds(self) -> dict[str, list[Change]]:
        """Return the changes by the name of their kind, in the order in which they matter."""
        return {
            "relabelled": self.relabelled,
            "moved between splits": self.moved,
            "replaced": self.replaced,
            "added": self.added,
            "removed": self.removed,
            "renamed": self.renamed,
        }


def contents(picture: Picture) -> set[str]:
    """Return what only a picture of the same bytes has: its SHA-256 where it was taken, and its ETag."""
    return {key for key in (picture.sha256, f"{picture.size} {picture.etag}" if picture.etag else "") if key}


def differences(old: Mapping[str, Picture], new: Mapping[str, Picture]) -> Differences:
    """Compare pictures by path, and those that have another path now by their bytes."""
    result = Differences()
    for path in sorted(old.keys() & new.keys()):
        _compare(result, Change(old[path], new[path]))
    left = {path: old[path] for path in sorted(old.keys() - new.keys())}
    of_content: dict[str, list[str]] = defaultdict(list)
    for path, picture in left.items():
        for key in contents(picture):
            of_content[key].append(path)
    for path in sorted(new.keys() - old.keys()):
        same = [other for key in sorted(contents(new[path])) for other in of_content[key] if other in left]
        if same:
            _compare(result, Change(left.pop(same[0]), new[path]))
        else:
            result.added.append(Change(None, new[path]))
    result.removed = [Change(picture, None) for picture in left.values()]
    return result


def _compare(result: Differences, change: Change) -> None:
    before, after = change.before, change.after
    assert before is not None  # noqa: S101
    assert after is not None  # noqa: S101
    if before.class_name != after.class_name:
        result.relabelled.append(change)
    if before.split != after.split:
        result.moved.append(change)
    if not contents(before) & contents(after):
        result.replaced.append(change)
    if before.path != after.path and (before.class_name, before.split) == (after.class_name, after.split):
        result.renamed.append(change)
