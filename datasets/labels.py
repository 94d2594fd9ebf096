"""The labels that tables give to files: which table is read, which file a row means, and what has no label."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import PurePosixPath

from datasets.errors import DatasetError
from datasets.names import mentions_labels, split_of
from datasets.paths import is_litter, shown
from datasets.tables import MAX_LABEL_CHARACTERS, MAX_TABLE_BYTES, Columns, Row, columns_of, is_table_name, rows
from datasets.trees import Files

_MAX_TABLES = 8  # that are looked at; a note beside every picture is none
_MAX_DEPTH = 4
_ENOUGH = 0.5  # of the pictures, which a table must name to be read instead of folders

Read = Callable[[str], bytes]


@dataclass
class Labels:
    """Class and split of each file that a table names; `remarks` are sentences for a person."""

    classes: dict[str, str] = field(default_factory=dict)  # path -> class
    splits: dict[str, str] = field(default_factory=dict)  # path -> split, where it is known
    tables: list[str] = field(default_factory=list)  # those that were read
    remarks: list[str] = field(default_factory=list)
    absent: set[str] = field(default_factory=set)  # classes of rows whose pictures are not there
    problem: str = ""  # why a table that names files gives no labels


def tables_among(files: Files) -> list[str]:
    """Return the files that may be tables of labels, those nearest to the top first."""
    tables = [path for number, path in enumerate(files.paths) if is_table(path, files.size(number))]
    return sorted(tables, key=lambda path: (path.count("/"), path))[:_MAX_TABLES]


def is_table(path: str, size: int | None) -> bool:
    """Tell whether a file may be a table of labels, by its path and size; it is worth keeping beside the pictures."""
    return (
        is_table_name(path)
        and path.count("/") <= _MAX_DEPTH
        and not any(map(is_litter, path.split("/")))
        and "submission" not in path.lower()  # of a competition: what is to be filled in
        and (size or 0) <= MAX_TABLE_BYTES
    )


def is_well_known(path: str) -> bool:
    """Tell whether a table's name says that it holds labels, so that it is read although there are class folders."""
    return mentions_labels(PurePosixPath(path).stem)


def read_labels(tables: Sequence[str], pictures: Sequence[str], read: Read) -> Labels:
    """Return what the tables say of the pictures.

    A table that cannot be read, or that contradicts itself or another, is no error: there may be class folders.
    """
    labels = Labels()
    files = _Files(pictures)
    try:
        for table in tables:
            data = read(table)
            columns = columns_of(rows(table, data), partial(files.has, table))
            if columns is not None and columns.problem:
                labels.problem = labels.problem or f"table {table!r} {columns.problem}"
            elif columns is not None:
                _take(labels, table, columns, rows(table, data), files)
    except DatasetError as error:
        return Labels(problem=str(error))
    return labels


def _take(labels: Labels, table: str, columns: Columns, table_rows: Iterable[Row], files: "_Files") -> None:
    labels.tables.append(table)
    outcomes: Counter[str] = Counter()
    for row in table_rows:
        path = files.named(row.get(columns.file, ""), table)
        label = columns.label_of(row)
        if not path:
            labels.absent |= {label} - {""}
            outcomes["name no picture"] += 1
        elif not label:
            outcomes["give no label"] += 1
        elif labels.classes.get(path, label) != label:
            raise DatasetError(
                f"picture {shown(path)} has two labels, {labels.classes[path]!r} and {label!r} ({table}); keep one row"
            )
        else:
            _check_label(label, table)
            labels.classes[path] = label
            split = split_of(row.get(columns.split, "")) or split_of_path(path) or split_of(PurePosixPath(table).stem)
            labels.splits[path] = split
    what = f"column {columns.label!r}" if columns.label else f"{len(columns.one_hot)} columns of 0 and 1"
    labels.remarks.append(
        f"labels are taken from {table!r}: files from column {columns.file!r}, classes from {what}; to have folders as "
        "classes, remove or rename that file"
    )
    labels.remarks += [f"rows of {table!r} that {outcome}: {count}" for outcome, count in outcomes.items()]


def split_of_path(path: str) -> str:
    """Return the split that a folder of the path is named as, or ""."""
    return next((split for part in path.split("/")[:-1] if (split := split_of(part))), "")


def covers(labels: Labels, num_pictures: int) -> bool:
    """Tell whether the tables name enough of the pictures to be read instead of their folders."""
    return len(set(labels.classes.values())) > 1 and len(labels.classes) >= num_pictures * _ENOUGH


def _check_label(label: str, table: str) -> None:
    if len(label) > MAX_LABEL_CHARACTERS or not label.isprintable():
        raise DatasetError(
            f"table {table!r}: {shown(label)} is no name of a class; expected at most {MAX_LABEL_CHARACTERS} "
            "characters that print"
        )


class _Files:
    """Finds the picture that a row means: by its path from the table's folder or the top, its name, or its stem."""

    def __init__(self, pictures: Sequence[str]) -> None:
        self._paths = frozenset(pictures)
        self._names: dict[str, list[str]] = defaultdict(list)
        for path in pictures:
            name = path.rpartition("/")[2]
            for key in {name, name.rpartition(".")[0]}:
                self._names[key].append(path)

    def has(self, table: str, value: str) -> bool:
        """Tell whether `value`, in a row of `table`, names a picture."""
        return bool(self.named(value, table))

    def named(self, value: str, table: str) -> str:
        """Return the picture that `value` means, or ""."""
        value = value.strip().replace("\\", "/").removeprefix("./")
        if not value:
            return ""
        folder = table.rpartition("/")[0]
        for path in (f"{folder}/{value}" if folder else value, value):
            if path in self._paths:
                return path
        candidates = self._names.get(value.rpartition("/")[2], [])
        if "/" in value:
            candidates = [path for path in candidates if f"/{path}".endswith(f"/{value}")]
        if len(candidates) > 1:  # as train/1.jpg and test/1.jpg
            split = split_of(PurePosixPath(table).stem) or split_of_path(table)
            candidates = [path for path in candidates if split_of_path(path) == split]
        return candidates[0] if len(candidates) == 1 else ""
