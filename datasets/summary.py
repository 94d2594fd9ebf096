"""What was read of a dataset, in a sentence for the person who brought it."""

from collections import Counter

from datasets.layout import Layout

_SHOWN = 5


def summary(layout: Layout) -> str:
    """Return how a dataset is read: by what, its classes, its pictures by split, and what is set aside."""
    classes = sorted({image.class_name for image in layout.images})
    names = ", ".join(map(repr, classes[:_SHOWN])) + (", ..." if len(classes) > _SHOWN else "")
    counts = Counter(image.split for image in layout.images)
    splits = [f"{split} {counts[split]}" for split in ("train", "validation", "test") if counts[split]]
    how = f"{', '.join(splits)}" if splits else "splits are made"
    source = (
        f"the table {layout.tables[0]!r}" if layout.tables else f"the folders{f' in {layout.top}' * bool(layout.top)}"
    )
    aside = f"; set aside: {len(layout.set_aside)}" if layout.set_aside else ""
    return f"read by {source}: {len(classes)} classes ({names}), {len(layout.images)} pictures ({how}){aside}"
