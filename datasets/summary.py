"""What was read of a dataset, in a few lines for the person who brought it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from datasets.layout import Layout

_SHOWN = 5
MAX_CLASSES = 20  # lines of a table, whatever the number of classes
_MAX_NAME = 40  # letters of a class's name in it
SPLITS = ("train", "validation", "test")


def summary(layout: Layout) -> str:
    """Return how a dataset is read: by what, its classes, its pictures by split, and what is set aside."""
    classes = sorted({name for name, _ in layout.images.counts()})
    names = ", ".join(map(repr, classes[:_SHOWN])) + (", ..." if len(classes) > _SHOWN else "")
    counts = layout.images.splits.counts()
    splits = [f"{split} {counts[split]}" for split in SPLITS if counts[split]]
    how = f"{', '.join(splits)}" if splits else "splits are made"
    source = (
        f"the table {layout.tables[0]!r}" if layout.tables else f"the folders{f' in {layout.top}' * bool(layout.top)}"
    )
    aside = f"; set aside: {len(layout.set_aside)}" if layout.set_aside else ""
    return f"read by {source}: {len(classes)} classes ({names}), {len(layout.images)} pictures ({how}){aside}"


def counted(layout: Layout) -> list[str]:
    """Return the pictures by class and split, as they lie there, and what is set aside and why."""
    counts: Counter[tuple[str, str]] = Counter()
    for (name, split), count in layout.images.counts().items():
        counts[name, split or "train"] += count
    rows = [
        {"class_name": name, **{split: counts[name, split] for split in SPLITS}}
        for name in sorted({name for name, _ in counts})
    ]
    made = [split for split in SPLITS[1:] if not any(row[split] for row in rows)]
    splits = [f"{' and '.join(made)} will be made from train"] if made else []
    aside = reasons((each.path, each.reason) for each in layout.set_aside)
    return [*class_lines(rows), *splits, *([f"set aside: {aside}"] if aside else [])]


def class_lines(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a table of the pictures by class and split: of many classes those with the fewest to train on."""
    shown = sorted(rows, key=lambda row: row["train"])[:MAX_CLASSES] if len(rows) > MAX_CLASSES else list(rows)
    left = len(rows) - len(shown)
    names = [_short(row["class_name"]) for row in shown] + [f"all {len(rows)} classes"]
    totals = {split: sum(row[split] for row in rows) for split in SPLITS}
    width = max(map(len, names))
    lines = [f"{'class':<{width}}  {'train':>7}  {'validation':>10}  {'test':>7}"]
    for name, row in zip(names, [*shown, totals], strict=True):
        lines.append(f"{name:<{width}}  {row['train']:>7}  {row['validation']:>10}  {row['test']:>7}")
    if left:
        lines.insert(-1, f"... and {left} more, with {shown[-1]['train']} or more to train on each")
    return lines


def reasons(aside: Iterable[tuple[str, str]]) -> str:
    """Return how many files are set aside for which reason, with one of each: those of most files first."""
    counts: Counter[str] = Counter()
    first: dict[str, str] = {}
    for path, reason in aside:
        counts[reason] += 1
        first.setdefault(reason, path)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    parts = [f"{count} {reason} ({first[reason]!r}{', ...' * (count > 1)})" for reason, count in ordered[:_SHOWN]]
    more = sum(count for _, count in ordered[_SHOWN:])
    return "; ".join([*parts, *([f"{more} for other reasons"] if more else [])])


def _short(name: str) -> str:
    return name if len(name) <= _MAX_NAME else f"{name[: _MAX_NAME - 1]}…"
