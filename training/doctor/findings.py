"""What the doctor found, as plain values: one row a picture and kind, the costliest first."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

FINDINGS_FILE, SUMMARY_FILE = "findings.json", "summary.json"
FORMAT = 1
# What each kind costs, in this order: a leak makes the accuracy a fiction, a wrong label teaches the wrong thing.
KINDS = {
    "leak": "in the test or validation split, and in another one too",
    "group leak": "of a group that is in another split too",
    "two labels": "the same picture under two labels",
    "wrong label": "probably of another class",
    "duplicate": "the same picture more than once",
    "outlier": "far from all others of its class",
    "blank": "nearly of one colour",
    "blurred": "hardly any detail",
    "dark": "hardly any light",
    "tiny": "smaller than half of what the network sees",
    "set aside": "a file that cannot be used",
}

_NOUNS = frozenset({"leak", "group leak", "wrong label", "duplicate", "outlier"})


@dataclass(frozen=True)
class Finding:
    """Something about one picture; `action` is what would mend it: drop, relabel or move."""

    kind: str
    path: str
    split: str
    class_name: str
    score: float
    reason: str
    other: str = ""  # the picture that it is compared with
    other_class: str = ""
    action: str = ""
    value: str = ""  # the class or split of the action
    done: str = ""  # what this run did about it
    sha256: str = ""  # of the picture that was examined


@dataclass
class Examination:
    """All that was found; `moves` gives pictures another split, "" takes them out."""

    findings: list[Finding] = field(default_factory=list)
    moves: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    made_splits: list[str] = field(default_factory=list)
    group_by: str = ""
    classes: list[dict[str, Any]] = field(default_factory=list)  # class_name, train, validation, test: as used
    num_pictures: int = 0

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> "Examination":
        """Return what `to_dict` was made of; members of a finding that are not known are passed over."""
        known = {each.name for each in fields(Finding)}
        rows = [Finding(**{name: row[name] for name in row if name in known}) for row in value["findings"]]
        names = ("moves", "warnings", "made_splits", "group_by", "classes", "num_pictures")
        return cls(rows, **{name: value[name] for name in names})

    def counts(self) -> dict[str, int]:
        """Return how many findings there are of each kind, in the order of what they cost."""
        counted = Counter(finding.kind for finding in self.findings)
        return {kind: counted[kind] for kind in KINDS if counted[kind]}

    def num_left(self, split: str) -> int:
        """Return how many pictures left a split for good."""
        return sum(1 for each in self.left() if each.split == split)

    def left(self) -> list[Finding]:
        """Return one finding for each picture that was taken out."""
        rows = {finding.path: finding for finding in self.findings if self.moves.get(finding.path) == ""}
        return list(rows.values())

    def to_dict(self) -> dict[str, Any]:
        """Return it JSON-ready, the costliest first."""
        order = {kind: place for place, kind in enumerate(KINDS)}
        rows = sorted(self.findings, key=lambda each: (order[each.kind], -each.score, each.path))
        return {
            "format_version": FORMAT,
            "num_pictures": self.num_pictures,
            "summary": summary(self),
            "counts": self.counts(),
            "classes": self.classes,
            "made_splits": self.made_splits,
            "group_by": self.group_by,
            "num_left": {split: self.num_left(split) for split in ("train", "validation", "test")},
            "moves": dict(sorted(self.moves.items())),
            "warnings": self.warnings,
            "findings": [asdict(row) for row in rows],
        }


def summary(examination: Examination) -> list[str]:
    """Return what a person should know, a sentence each."""
    totals = {split: sum(row[split] for row in examination.classes) for split in ("train", "validation", "test")}
    made = f"; {' and '.join(examination.made_splits)} made from train" if examination.made_splits else ""
    counted = ", ".join(f"{count} {split}" for split, count in totals.items() if count)
    sentences = [f"{examination.num_pictures} pictures of {len(examination.classes)} classes: {counted}{made}"]
    sentences += [
        f"{count} of the {split} split are in another split too, or of a group that is, and left it"
        for split in ("test", "validation")
        if (count := examination.num_left(split))
    ]
    kept = sum(1 for split in examination.moves.values() if split)
    if kept:
        sentences.append(f"{kept} pictures changed the made split, so that equal ones and groups are on one side")
    counts = _listed(examination.counts())
    return [*sentences, *([f"found: {counts}"] if counts else ["nothing was found"]), *examination.warnings]


def _listed(counts: Mapping[str, int]) -> str:
    """Return counts in words: "1 leak, 2 wrong labels, 3 dark"."""
    return ", ".join(f"{count} {kind}{'s' * (count > 1 and kind in _NOUNS)}" for kind, count in counts.items())


def class_rows(class_names: Sequence[str], placed: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    """Return the number of pictures of each class in each split; `placed` is class and split of each picture."""
    counts = Counter(placed)
    splits = ("train", "validation", "test")
    return [{"class_name": name, **{split: counts[name, split] for split in splits}} for name in class_names]
