"""The classes of two models: what was added, removed and renamed, told by the pictures that both have had."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True)
class ClassChanges:
    """How the candidate's classes differ from the champion's."""

    added: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)  # the champion's name -> the candidate's, which is a new one
    merged: dict[str, str] = field(default_factory=dict)  # of those removed: where most of their pictures are now

    def to_dict(self) -> dict[str, object]:
        """Return JSON-ready fields."""
        return asdict(self)

    def translated(self, champions_name: str | None) -> str | None:
        """Return what the champion's answer is called by the candidate; None for one that it has no word for."""
        if champions_name is None or champions_name in self.renamed:
            return self.renamed.get(champions_name or "")
        if champions_name in self.removed:
            return self.merged.get(champions_name)
        return champions_name


def class_changes(
    champion: Sequence[str],
    candidate: Sequence[str],
    learned: Mapping[bytes, str] | None,
    pictures: Mapping[bytes, str],
) -> ClassChanges:
    """Return how the classes have changed; `learned` and `pictures` are the class of each picture by its SHA-256.

    A class that is gone was renamed if most of its pictures that are still here bear one new name, and that name alone.
    """
    gone = [name for name in champion if name not in set(candidate)]
    added = [name for name in candidate if name not in set(champion)]
    now = {name: target for name in gone if (target := _most(name, learned or {}, pictures))}
    shared = Counter(now.values())
    renamed = {name: target for name, target in now.items() if target in added and shared[target] == 1}
    return ClassChanges(
        added=[name for name in added if name not in renamed.values()],
        removed=[name for name in gone if name not in renamed],
        renamed=renamed,
        merged={name: target for name, target in now.items() if name not in renamed},
    )


def _most(name: str, learned: Mapping[bytes, str], pictures: Mapping[bytes, str]) -> str | None:
    """Return the class that more than half of the pictures once under `name` have now, of those that are still here."""
    present = Counter(pictures[digest] for digest, one in learned.items() if one == name and digest in pictures)
    if not present:
        return None
    target, count = present.most_common(1)[0]
    return target if 2 * count > present.total() else None
