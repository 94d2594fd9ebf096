"""Candidate and champion on the same pictures: the outcomes in pairs, and what they prove."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from training.champion.classes import ClassChanges
from training.champion.paired import Pairs, difference_interval, holm, mcnemar, worse

OUTCOMES_FILE = "outcomes.jsonl"
MAX_CLASSES_TOLD = 50  # that the champion knows better
MAX_PICTURES_TOLD = 8
COUNTS, LEARNED, NEW_CLASS = "yes", "the serving model learned from it", "the serving model does not know its class"


@dataclass(frozen=True)
class Outcome:
    """One test picture; the champion's answer in the candidate's words, None where it has none."""

    path: str
    class_name: str
    candidate: str
    champion: str | None
    counts: str

    @property
    def is_lost(self) -> bool:
        """Whether the champion alone is right."""
        return self.champion == self.class_name != self.candidate

    @property
    def is_won(self) -> bool:
        """Whether the candidate alone is right."""
        return self.candidate == self.class_name != self.champion


def outcomes(
    test: Sequence[tuple[str, str, bytes]],
    candidate: Sequence[str],
    champion: Sequence[str | None],
    changes: ClassChanges,
    learned: set[bytes],
) -> Iterator[Outcome]:
    """Yield the outcome of each test picture, which is its path, class and SHA-256, and whether it counts."""
    for (path, class_name, digest), own, other in zip(test, candidate, champion, strict=True):
        counts = LEARNED if digest in learned else NEW_CLASS if class_name in changes.added else COUNTS
        yield Outcome(path, class_name, own, changes.translated(other), counts)


def compared(rows: Sequence[Outcome]) -> dict[str, Any]:
    """Return what the outcomes that count prove, JSON-ready."""
    counted = [row for row in rows if row.counts == COUNTS]
    pairs = _pairs(counted)
    lost = [row for row in counted if row.is_lost]
    return {
        "num_images": pairs.num_images,
        "num_learned": sum(row.counts == LEARNED for row in rows),
        "num_new_class": sum(row.counts == NEW_CLASS for row in rows),
        "candidate_right": sum(row.candidate == row.class_name for row in counted),
        "champion_right": sum(row.champion == row.class_name for row in counted),
        "candidate_alone": pairs.candidate_alone,
        "champion_alone": pairs.champion_alone,
        "difference": pairs.difference,
        "interval": list(difference_interval(pairs)),
        "p_value": mcnemar(pairs),
        "worse_classes": worse_classes(counted),
        "lost": [asdict(row) for row in lost[:MAX_PICTURES_TOLD]],
    }


def worse_classes(counted: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Return the classes that the champion knows better, the surest first; the p-values hold for all classes together.

    Each names pictures that the champion alone gets right.
    """
    by_class: dict[str, list[Outcome]] = {}
    for row in counted:
        by_class.setdefault(row.class_name, []).append(row)
    pairs = {name: _pairs(rows) for name, rows in by_class.items()}
    p_values = dict(zip(pairs, holm([worse(one) for one in pairs.values()]), strict=True))
    told = sorted((p_values[name], name) for name, one in pairs.items() if one.difference < 0)[:MAX_CLASSES_TOLD]
    return [
        {
            "class_name": name,
            "num_images": pairs[name].num_images,
            "candidate_right": sum(row.candidate == name for row in by_class[name]),
            "champion_right": sum(row.champion == name for row in by_class[name]),
            "p_value": p_value,
            "lost": [row.path for row in by_class[name] if row.is_lost][:MAX_PICTURES_TOLD],
        }
        for p_value, name in told
    ]


def write_outcomes(rows: Sequence[Outcome], folder: Path) -> None:
    """Write one JSON object a test picture."""
    lines = (json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in rows)
    text = "".join(lines)
    (folder / OUTCOMES_FILE).write_text(text, encoding="utf-8", errors="replace")  # a file name need not be text


def _pairs(rows: Sequence[Outcome]) -> Pairs:
    return Pairs(len(rows), sum(row.is_won for row in rows), sum(row.is_lost for row in rows))
