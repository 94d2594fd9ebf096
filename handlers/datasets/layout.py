"""What a dataset folder holds: images by split and class, and every other file with the reason it is set aside.

    SPLIT/CLASS/FILE     SPLIT is train, valid | validation | val, or test, in any case
    CLASS/FILE           without splits: all three are made

The class of an image is its parent folder's name, exactly as it is written.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from handlers.aws.objects import S3Object
from handlers.contract.errors import DatasetError
from handlers.datasets.archives import safe_path

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".gif", ".webp")
MAX_IMAGE_BYTES = 32 * 1024 * 1024
SPLITS = {"train": "train", "valid": "validation", "validation": "validation", "val": "validation", "test": "test"}


@dataclass(frozen=True, order=True)
class Image:
    path: str  # relative to the dataset's folder; the entry in a manifest
    class_name: str
    split: str  # "train", "validation", "test"; "" when the dataset has no splits
    content: str  # equal for equal bytes: size and ETag


@dataclass(frozen=True, order=True)
class SetAside:
    path: str
    reason: str


@dataclass
class Layout:
    """A dataset as it was uploaded; `folders` also names the class folders that hold no usable image."""

    images: list[Image] = field(default_factory=list)
    set_aside: list[SetAside] = field(default_factory=list)
    folders: dict[str, set[str]] = field(default_factory=dict)

    def has_splits(self) -> bool:
        return any(self.folders)

    def split(self, name: str) -> list[Image]:
        return [image for image in self.images if image.split == name]


def file_problem(path: str, size: int) -> str:
    """Return why a file is no usable image, or "" when it may be one; its bytes are not looked at."""
    parts = path.split("/")
    if _is_hidden(parts):
        return "hidden or system file"
    if not parts[-1].lower().endswith(IMAGE_SUFFIXES):
        return f"not an image by its name; expected {', '.join(IMAGE_SUFFIXES)}"
    if size == 0:
        return "zero bytes"
    if size > MAX_IMAGE_BYTES:
        return f"larger than {MAX_IMAGE_BYTES} bytes"
    return ""


def common_top(paths: Iterable[str]) -> str:
    """Return the single folder that wraps everything (with "/" at its end), or "".

    It is taken for a wrapper only while a class folder remains below it, and never when it is named as a split.
    """
    remaining = [path.split("/") for path in paths]
    top = ""
    while remaining and all(len(parts) >= 3 for parts in remaining):
        first = remaining[0][0]
        if first.lower() in SPLITS or any(parts[0] != first for parts in remaining):
            break
        top += f"{first}/"
        remaining = [parts[1:] for parts in remaining]
    return top


def sort_out(objects: Sequence[S3Object]) -> Layout:
    """Return the layout of a dataset from its objects, whose keys are relative to its folder."""
    parsed = [(o, _parts(o.key)) for o in objects]
    has_splits = any(_shows_splits(parts, is_folder=o.key.endswith("/")) for o, parts in parsed)
    layout = Layout()
    for o, parts in parsed:
        _place(layout, o, parts, has_splits)
    layout.images.sort()
    layout.set_aside.sort()
    return layout


def _parts(key: str) -> list[str]:
    """Return the path's parts, or [] for a key that would become another name, or leave the folder, on a disk."""
    try:
        clean = safe_path(key)
    except DatasetError:
        return []
    return clean.split("/") if clean == key.removesuffix("/") else []


def _shows_splits(parts: list[str], is_folder: bool) -> bool:
    return len(parts) >= (2 if is_folder else 3) and parts[0].lower() in SPLITS


def _place(layout: Layout, o: S3Object, parts: list[str], has_splits: bool) -> None:
    if not parts:
        layout.set_aside.append(SetAside(o.key, "unsafe path"))
        return
    is_folder = o.key.endswith("/")
    split = SPLITS.get(parts[0].lower()) if has_splits else ""
    depth = 2 if has_splits else 1  # how many folders lead to an image
    if split is not None and len(parts) >= (depth if is_folder else depth + 1) and not _is_hidden(parts):
        layout.folders.setdefault(split, set()).add(parts[depth - 1])
    if is_folder:
        return
    problem = file_problem(o.key, o.size) or _position_problem(parts, split, depth)
    if problem:
        layout.set_aside.append(SetAside(o.key, problem))
    else:
        layout.images.append(Image(o.key, parts[-2], split or "", f"{o.size}-{o.etag}"))


def _is_hidden(parts: list[str]) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in parts)


def _position_problem(parts: list[str], split: str | None, depth: int) -> str:
    if split is None:
        return f"not inside one of {', '.join(SPLITS)}"
    if len(parts) <= depth:
        return "not inside a class folder"
    if len(parts) > depth + 1:
        return "deeper than a class folder"
    return ""
