"""What a tree of files holds: images by split and class, and every other file with the reason it is set aside.

    SPLIT/CLASS/FILE     SPLIT is train, validation or test, as people write them (datasets/names.py)
    CLASS/FILE           without splits: all three are made
    CLASS/SPLIT/FILE     every class has its own splits
    a table of labels    metadata.csv, metadata.jsonl, labels.csv, ...: files anywhere, by their names

Folders round any of them are looked through.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain

from datasets.labels import Labels, Read, covers, is_well_known, read_labels, tables_among
from datasets.names import class_of
from datasets.paths import file_problem, path_parts
from datasets.readings import Reading
from datasets.survey import MAX_DEPTH, Survey
from datasets.trees import File, Files, Image, Images, SetAside, SetAsides

__all__ = ["File", "Files", "Image", "Images", "Layout", "SetAside", "SetAsides", "class_of_path", "read_layout"]


@dataclass
class Layout:
    """A tree as it is read; `folders` also names the class folders that hold no usable image."""

    images: Images = field(default_factory=lambda: Images(Files()))
    set_aside: SetAsides = field(default_factory=SetAsides)
    folders: dict[str, set[str]] = field(default_factory=dict)
    top: str = ""  # the folders round everything, with "/" at its end, or ""
    tables: tuple[str, ...] = ()  # that the classes were taken from, instead of folders
    remarks: list[str] = field(default_factory=list)  # what could have been read otherwise, and how to say so
    is_flat: bool = False  # no folder is named after what its pictures show
    export: str = ""  # what a tree without classes is an export of, or ""
    problem: str = ""  # why a table that is there gives no labels, or ""

    def has_splits(self) -> bool:
        return any(self.folders)

    def has_split(self, name: str) -> bool:
        return any(split == name for _, split in self.images.counts())

    def needs_labels(self) -> bool:
        """Tell whether the name of its parent folder does not say the class of every image."""
        images = self.images
        return any(
            "/" not in (path := images.path(place)) or class_of_path(path) != images.classes[place]
            for place in range(len(images))
        )


def read_layout(files: Sequence[File], known_aside: Iterable[SetAside] = (), read: Read | None = None) -> Layout:
    """Return the layout of a tree; each file is an image, set aside with a reason, or a folder's entry.

    `known_aside` are files that were set aside before, as an archive was unpacked: their folders count. `read` gives
    the bytes of a file; without it no table of labels is looked at.
    """
    survey = Survey()
    files = files if isinstance(files, Files) else Files(files)
    layout = Layout(images=Images(files), set_aside=SetAsides(known_aside))
    for path in chain(files.paths, (aside.path for aside in layout.set_aside)):
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
    layout.images = layout.images.sorted()
    layout.set_aside = layout.set_aside.files()
    return layout


def _labels(files: Files, classes: Reading | None, read: Read | None) -> Labels:
    """Return what tables say, where they are to be read: without class folders, or where they say something else."""
    tables = tables_among(files) if read is not None else []
    if classes is not None:
        tables = [table for table in tables if is_well_known(table)]
    if not tables or read is None:
        return Labels()
    pictures = [path for path in files.paths if path_parts(path) and not file_problem(path, None)]
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


def _fill_by_folders(layout: Layout, files: Files, survey: Survey, reading: Reading) -> None:
    layout.top = reading.top
    layout.images = Images(files, reading.top)
    for split, class_name in survey.class_folders(reading):
        layout.folders.setdefault(split, set()).add(class_name)
    folder, placed = "", _placed("", reading)
    for number, path in enumerate(files.paths):
        if path.endswith("/") and path_parts(path):
            continue
        if path.rpartition("/")[0] != folder:  # files of one folder are listed one after the other
            folder = path.rpartition("/")[0]
            placed = _placed(folder, reading)
        problem = _problem(path, files.size(number))
        if isinstance(placed, str) or problem:
            layout.set_aside.append(SetAside(path, problem or str(placed)))
        else:
            layout.images.add(number, path.removeprefix(reading.top), placed[1], placed[0])


def _placed(folder: str, reading: Reading) -> tuple[str, str] | str:
    """Return split and class of the images in a folder, or why they are set aside."""
    if folder.count("/") >= MAX_DEPTH - 1:
        return f"deeper than {MAX_DEPTH} folders"
    return reading.class_folder(folder) or reading.why_not(folder)


def _fill_by_labels(layout: Layout, files: Files, labels: Labels) -> None:
    """Give each picture the class that a table says; the tables themselves are no files that were set aside."""
    layout.tables, layout.is_flat = tuple(labels.tables), False
    layout.remarks += labels.remarks
    without = "train" if any(labels.splits.values()) else ""
    for path, class_name in labels.classes.items():
        layout.folders.setdefault(labels.splits[path] or without, set()).add(class_name)
    layout.folders.setdefault(without, set()).update(labels.absent - set(labels.classes.values()))
    for number, path in enumerate(files.paths):
        if path.endswith("/") or path in layout.tables:
            continue
        if problem := _problem(path, files.size(number)):
            layout.set_aside.append(SetAside(path, problem))
        elif class_name := labels.classes.get(path, ""):
            layout.images.add(number, path, class_name, labels.splits[path] or without)
        else:
            layout.set_aside.append(SetAside(path, f"no label in {', '.join(labels.tables)}"))


def _problem(path: str, size: int | None) -> str:
    """Return why a file is no usable image wherever it lies, or ""."""
    return file_problem(path, size) if path_parts(path) else "unsafe path"


def class_of_path(path: str) -> str:
    """Return the class of an image in a channel, whose path before the class may have any length."""
    return class_of(path.split("/")[-2])
