"""What a tree of files holds: images by split and class, and every other file with the reason it is set aside.

    SPLIT/CLASS/FILE     SPLIT is train, valid | validation | val, or test, in any case
    CLASS/FILE           without splits: all three are made

Folders round either of them are looked through. The class of an image is its parent folder's name.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from datasets.names import class_of
from datasets.paths import file_problem, path_parts
from datasets.survey import MAX_DEPTH, Reading, Survey


@dataclass(frozen=True, order=True)
class File:
    """A file of a tree; a path that ends in "/" is a folder's own entry."""

    path: str  # relative to the tree, with slashes
    size: int | None = None  # bytes, where they are known
    content: str = ""  # equal for equal bytes, where that is known: an ETag


@dataclass(frozen=True, order=True)
class Image:
    path: str  # relative to the layout's `top`; the entry in a manifest
    class_name: str
    split: str  # "train", "validation", "test"; "" when the dataset has no splits
    content: str = ""  # equal for equal bytes: size and ETag


@dataclass(frozen=True, order=True)
class SetAside:
    path: str  # relative to the tree
    reason: str


@dataclass
class Layout:
    """A tree as it is read; `folders` also names the class folders that hold no usable image."""

    images: list[Image] = field(default_factory=list)
    set_aside: list[SetAside] = field(default_factory=list)
    folders: dict[str, set[str]] = field(default_factory=dict)
    top: str = ""  # the folders round everything, with "/" at its end, or ""

    def has_splits(self) -> bool:
        return any(self.folders)

    def split(self, name: str) -> list[Image]:
        return [image for image in self.images if image.split == name]


def read_layout(files: Sequence[File], known_aside: Iterable[SetAside] = ()) -> Layout:
    """Return the layout of a tree; each file is an image, set aside with a reason, or a folder's entry.

    `known_aside` are files that were set aside before, as an archive was unpacked: their folders count.
    """
    survey = Survey()
    layout = Layout(set_aside=list(known_aside))
    for path in (*(file.path for file in files), *(aside.path for aside in layout.set_aside)):
        survey.add(path)
    reading = survey.reading()
    layout.top = reading.top
    for split, class_name in survey.class_folders(reading):
        layout.folders.setdefault(split, set()).add(class_name)
    for file in files:
        placed = place(file, reading)
        if isinstance(placed, Image):
            layout.images.append(placed)
        elif placed is not None:
            layout.set_aside.append(placed)
    layout.images.sort()
    layout.set_aside.sort()
    return layout


def place(file: File, reading: Reading) -> Image | SetAside | None:
    """Return what one file is in a tree that is read so; None for a folder's entry."""
    parts = path_parts(file.path)
    if not parts:
        return SetAside(file.path, "unsafe path")
    if file.path.endswith("/"):
        return None
    if problem := file_problem(file.path, file.size):
        return SetAside(file.path, problem)
    if len(parts) > MAX_DEPTH:
        return SetAside(file.path, f"deeper than {MAX_DEPTH} folders")
    folder = "/".join(parts[:-1])
    class_folder = reading.class_folder(folder)
    if class_folder is None:
        return SetAside(file.path, reading.why_not(folder))
    split, class_name = class_folder
    content = f"{file.size}-{file.content}" if file.content else ""
    return Image(file.path.removeprefix(reading.top), class_name, split, content)


def class_of_path(path: str) -> str:
    """Return the class of an image in a channel, whose path before the class may have any length."""
    return class_of(path.split("/")[-2])
