"""What a tree of files holds: images by split and class, and every other file with the reason it is set aside.

    SPLIT/CLASS/FILE     SPLIT is train, validation or test, as people write them (datasets/names.py)
    CLASS/FILE           without splits: all three are made
    CLASS/SPLIT/FILE     every class has its own splits
    a table of labels    metadata.csv, metadata.jsonl, labels.csv, ...: files anywhere, by their names

Folders round any of them are looked through.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from datasets.labels import Labels, Read, covers, is_well_known, read_labels, tables_among
from datasets.names import class_of
from datasets.paths import file_problem, path_parts
from datasets.readings import Reading
from datasets.survey import MAX_DEPTH, Survey


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
    tables: tuple[str, ...] = ()  # that the classes were taken from, instead of folders
    remarks: list[str] = field(default_factory=list)  # what could have been read otherwise, and how to say so
    is_flat: bool = False  # no folder is named after what its pictures show
    export: str = ""  # what a tree without classes is an export of, or ""
    problem: str = ""  # why a table that is there gives no labels, or ""

    def has_splits(self) -> bool:
        return any(self.folders)

    def split(self, name: str) -> list[Image]:
        return [image for image in self.images if image.split == name]

    def labels(self) -> dict[str, str]:
        """Return path -> class of every image, where its parent folder's name does not say it for all of them."""
        if all("/" in image.path and class_of_path(image.path) == image.class_name for image in self.images):
            return {}
        return {image.path: image.class_name for image in self.images}


def read_layout(files: Sequence[File], known_aside: Iterable[SetAside] = (), read: Read | None = None) -> Layout:
    """Return the layout of a tree; each file is an image, set aside with a reason, or a folder's entry.

    `known_aside` are files that were set aside before, as an archive was unpacked: their folders count. `read` gives
    the bytes of a file; without it no table of labels is looked at.
    """
    survey = Survey()
    layout = Layout(set_aside=list(known_aside))
    for path in (*(file.path for file in files), *(aside.path for aside in layout.set_aside)):
        survey.add(path)
    reading = survey.reading()
    layout.is_flat = survey.is_flat(reading)
    has_classes = survey.num_classes(reading) > 1 and not layout.is_flat
    labels = _labels(files, reading if has_classes else None, read)
    layout.problem = labels.problem
    if labels.tables:
        _fill_by_labels(layout, files, labels)
    else:
        layout.export = survey.evidence.export() if survey.num_classes(reading) < 2 or layout.is_flat else ""
        layout.remarks += [*reading.remarks, *labels.remarks]
        _fill_by_folders(layout, files, survey, reading)
    layout.images.sort()
    layout.set_aside = sorted(aside for aside in layout.set_aside if not aside.path.endswith("/"))
    return layout


def _labels(files: Sequence[File], classes: Reading | None, read: Read | None) -> Labels:
    """Return what tables say, where they are to be read: without class folders, or where they say something else."""
    sizes = {file.path: file.size for file in files}
    tables = tables_among(list(sizes), sizes) if read is not None else []
    if classes is not None:
        tables = [table for table in tables if is_well_known(table)]
    if not tables or read is None:
        return Labels()
    pictures = [file.path for file in files if path_parts(file.path) and not file_problem(file.path, None)]
    labels = read_labels(tables, pictures, read)
    if classes is None:
        return labels
    if covers(labels, len(pictures)):
        return Labels() if _is_renaming(labels, classes) else labels
    named = [f"{labels.tables[0]!r} is not read: it names few of the pictures"] if labels.tables else []
    named += [f"{labels.problem}; the folders are taken as the classes"] if labels.problem else []
    return Labels(remarks=named)


def _is_renaming(labels: Labels, classes: Reading) -> bool:
    """Tell whether a table gives each folder one label and each label one folder: the folders' names are kept."""
    pairs = {(classes.class_folder(path.rpartition("/")[0]), of) for path, of in labels.classes.items()}
    folders = {placed and placed[1] for placed, _ in pairs}
    return len({(placed and placed[1], of) for placed, of in pairs}) == len(folders) == len({of for _, of in pairs})


def _fill_by_folders(layout: Layout, files: Iterable[File], survey: Survey, reading: Reading) -> None:
    layout.top = reading.top
    for split, class_name in survey.class_folders(reading):
        layout.folders.setdefault(split, set()).add(class_name)
    for file in files:
        placed = place(file, reading)
        if isinstance(placed, Image):
            layout.images.append(placed)
        elif placed is not None:
            layout.set_aside.append(placed)


def _fill_by_labels(layout: Layout, files: Iterable[File], labels: Labels) -> None:
    """Give each picture the class that a table says; the tables themselves are no files that were set aside."""
    layout.tables, layout.is_flat = tuple(labels.tables), False
    layout.remarks += labels.remarks
    without = "train" if any(labels.splits.values()) else ""
    for path, class_name in labels.classes.items():
        layout.folders.setdefault(labels.splits[path] or without, set()).add(class_name)
    layout.folders.setdefault(without, set()).update(labels.absent - set(labels.classes.values()))
    for file in files:
        if file.path.endswith("/") or file.path in layout.tables:
            continue
        if problem := file_problem(file.path, file.size) if path_parts(file.path) else "unsafe path":
            layout.set_aside.append(SetAside(file.path, problem))
        elif class_name := labels.classes.get(file.path, ""):
            split = labels.splits[file.path] or without
            layout.images.append(Image(file.path, class_name, split, _content(file)))
        else:
            layout.set_aside.append(SetAside(file.path, f"no label in {', '.join(labels.tables)}"))


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
    return Image(file.path.removeprefix(reading.top), class_name, split, _content(file))


def _content(file: File) -> str:
    return f"{file.size}-{file.content}" if file.content else ""


def class_of_path(path: str) -> str:
    """Return the class of an image in a channel, whose path before the class may have any length."""
    return class_of(path.split("/")[-2])
