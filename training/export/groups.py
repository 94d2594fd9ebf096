"""Accuracy by group: pictures of one patient, camera or day, by GroupBy's pattern of their paths."""

from collections.abc import Sequence
from typing import Any

from datasets.groups import compiled, group_of
from training.export.metrics import MAX_MISTAKES_TOLD

MAX_GROUPS_TOLD = 10_000


def group_scores(paths: Sequence[str], correct: Sequence[bool], group_by: str) -> list[dict[str, Any]]:
    """Return how many pictures of each group are right, the worst groups first; [] without a pattern."""
    groups: dict[str, dict[str, Any]] = {}
    pattern = compiled(group_by)
    for path, is_right in zip(paths, correct, strict=True):
        if name := group_of(path, pattern):
            row = groups.setdefault(name, {"group": name, "num_images": 0, "num_right": 0, "mistakes": []})
            row["num_images"] += 1
            row["num_right"] += bool(is_right)
            if not is_right and len(row["mistakes"]) < MAX_MISTAKES_TOLD:
                row["mistakes"].append(path)
    return sorted(groups.values(), key=lambda row: row["num_right"] / row["num_images"])[:MAX_GROUPS_TOLD]
