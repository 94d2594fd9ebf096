"""The gate on the data: what cannot be trained on is refused in one sentence, before anything is paid for."""

from collections import Counter
from collections.abc import Iterable, Sequence

from datasets.errors import DatasetError
from datasets.layout import Images, Layout
from datasets.limits import IMAGE_SUFFIXES
from datasets.packed import first_equals
from datasets.paths import EMPTY, TOO_LARGE

_NAMED = 5  # how many classes a sentence names
_EXPECTED = f"expected SPLIT/CLASS/FILE or CLASS/FILE with {', '.join(IMAGE_SUFFIXES)}, or metadata.csv"


def check_layout(layout: Layout, dataset_name: str, min_images_per_class: int) -> list[str]:
    """Return the class names, sorted; an image's class index is its class name's place in that list.

    Raises:
        DatasetError: the dataset has no class folders, one class, a class without or with too few images, or a class
            that train does not know.
    """
    check_readable(layout, dataset_name)
    train = "train" if layout.has_splits() else ""
    class_names = layout.folders.get(train, set())
    if not class_names:
        raise DatasetError(f"dataset {dataset_name!r} has no class folder in train/; {_EXPECTED}")
    _check_known(layout, class_names)
    _check_counts(layout, train, class_names, min_images_per_class)
    if len(class_names) < 2:
        raise DatasetError(
            f"dataset {dataset_name!r} has one class, {next(iter(class_names))!r}; at least 2 classes are needed"
        )
    return sorted(class_names)


def check_readable(layout: Layout, dataset_name: str) -> None:
    """Refuse what has no classes, and what has a class of which nothing is usable, whatever else is asked of it.

    Raises:
        DatasetError: it is an export for another task, no folder is a class, or a class has files and no image.
    """
    if layout.export:
        raise DatasetError(
            f"dataset {dataset_name!r} is no classification dataset but {layout.export}; a classifier needs one class "
            "a picture: sort the pictures into class folders, or add metadata.csv with columns file_name and label"
        )
    if not layout.folders or layout.is_flat:
        raise DatasetError(f"dataset {dataset_name!r} has no class folders{_seen(layout)}; {_EXPECTED}")
    train = "train" if layout.has_splits() else ""
    usable = {name for name, split in layout.images.counts() if split == train}
    if empty := layout.folders.get(train, set()) - usable:
        raise DatasetError(
            f"{_classes(empty)} no usable image to train on; add some with {', '.join(IMAGE_SUFFIXES)} "
            f"or remove the {'rows' if layout.tables else 'folder'}"
        )


def check_unusable(layout: Layout, max_unreadable: float) -> int:
    """Return how many pictures are set aside by size alone, to which a job adds those that it cannot decode.

    Raises:
        DatasetError: they are more than the share that is allowed; with the first of them.
    """
    reasons = layout.set_aside.reasons()
    unusable = reasons[EMPTY] + reasons[TOO_LARGE]
    total = len(layout.images) + unusable
    if unusable > max_unreadable * total:
        first = next(aside for aside in layout.set_aside if aside.reason in (EMPTY, TOO_LARGE))
        raise DatasetError(
            f"{unusable} of {total} pictures cannot be used (MaxUnreadable allows {max_unreadable:.0%}), the "
            f"first {first.path!r}: {first.reason}; upload them again, remove them, or allow more"
        )
    return unusable


def _seen(layout: Layout) -> str:
    """Return what there is instead of class folders."""
    num_files = len(layout.images) + len(layout.set_aside)
    names = sorted({name for name, _ in layout.images.counts()})
    seen = [f"{num_files} files set aside"] if num_files else []
    seen += [f"folders {', '.join(map(repr, names[:_NAMED]))} say nothing of what they show"] if names else []
    seen += [layout.problem] if layout.problem else []
    return f" ({'; '.join(seen)})" if seen else " and no files"


def _check_known(layout: Layout, class_names: set[str]) -> None:
    for split, folders in sorted(layout.folders.items()):
        unknown = folders - class_names
        if unknown:
            raise DatasetError(
                f"{_classes(unknown)} a folder in {split}/ but none in train/; add images there or remove that folder"
            )


def _check_counts(layout: Layout, train: str, class_names: set[str], min_images_per_class: int) -> None:
    counts = Counter({name: count for (name, split), count in layout.images.counts().items() if split == train})
    num_made = sum(1 for name in ("validation", "test") if not layout.has_split(name))
    needed = max(min_images_per_class, 1 + num_made)
    few = {name for name in class_names if counts[name] < needed}
    if few:
        least = min(few, key=lambda name: (counts[name], name))
        raise DatasetError(
            f"{_classes(few)} too few images ({least!r} has {counts[least]}); at least {needed} are needed to train on"
        )


def _classes(names: Iterable[str]) -> str:
    """Return "class 'a' has" or "classes 'a', 'b' and 7 more have"."""
    ordered = sorted(names)
    listed = ", ".join(repr(name) for name in ordered[:_NAMED])
    more = f" and {len(ordered) - _NAMED} more" if len(ordered) > _NAMED else ""
    return f"class {listed} has" if len(ordered) == 1 else f"classes {listed}{more} have"


def warnings(images: Images, class_names: Sequence[str]) -> list[str]:
    """Return what is worth knowing but no reason to refuse: classes that a split lacks, bytes in two splits."""
    sentences = []
    counts = images.counts()
    for split in ("validation", "test"):
        lacking = {name for name in class_names if not counts[name, split]}
        if lacking:
            sentences.append(f"{_classes(lacking)} no image in {split}; its accuracy there is unknown")
    shared = num_shared_contents(images)
    if shared:
        sentences.append(
            f"{shared} images have the same bytes in more than one split; the test accuracy may be too high"
        )
    return sentences


def num_shared_contents(images: Images) -> int:
    """Return how many images have the same bytes as an image of another split."""
    firsts = first_equals(len(images), images.content)
    splits = images.splits.column
    divided = {first for place, first in enumerate(firsts) if splits[place] != splits[first]}
    return sum(1 for first in firsts if first in divided)
