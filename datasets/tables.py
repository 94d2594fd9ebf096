"""Tables of labels, as metadata.csv, metadata.jsonl, labels.csv or train.csv: read within bounds, row by row.

Which column names the file is found by holding the first rows against the files that are there, whatever it is called.
"""

import csv
import io
import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from datasets.errors import DatasetError
from datasets.names import class_of
from datasets.paths import shown

TABLE_SUFFIXES = (".csv", ".tsv", ".jsonl")
MAX_TABLE_BYTES = 32 * 1024**2
MAX_LABEL_CHARACTERS = 200
_MAX_COLUMNS, _MAX_LINE_BYTES = 500, 64 * 1024
_SAMPLED_ROWS = 200
_MAX_VALUES = 5_000  # of a column that are told apart
# Names of a column of labels, the likeliest first; compared in lower case and without what is no letter.
_LABEL_NAMES = (
    "label labels classname class classes labelname category categoryname target tag species breed diagnosis dx"
    " variety type name y classid labelid categoryid"
)
_FILE_NAMES = "filename file filepath image imagename imageid imagepath path id name"
_BOX_NAMES = "bbox bboxes boundingbox boundingboxes xmin xmax ymin ymax x1 x2 objects segmentation"
_LABELS, _FILES, _BOXES = (names.split() for names in (_LABEL_NAMES, _FILE_NAMES, _BOX_NAMES))
_SPLITS = ("split", "set", "subset", "partition", "fold", "usage")

Row = dict[str, str]


@dataclass(frozen=True)
class Columns:
    """Where a table says what; `one_hot` are columns of 0 and 1, one a class."""

    file: str
    label: str = ""
    split: str = ""
    one_hot: tuple[str, ...] = ()
    problem: str = ""  # why there is no label

    def label_of(self, row: Row) -> str:
        """Return the class that a row gives its file, "" where it gives none."""
        if self.one_hot:
            chosen = [name for name in self.one_hot if row.get(name, "").strip() in ("1", "1.0", "True", "true")]
            return class_of(chosen[0]) if len(chosen) == 1 else ""
        return class_of(row.get(self.label, "").strip())


def is_table_name(name: str) -> bool:
    """Tell whether a file may be a table of labels, by its name."""
    return name.lower().endswith(TABLE_SUFFIXES)


def rows(name: str, data: bytes) -> Iterator[Row]:
    """Yield the rows of a table by the names of its columns; those of a table without names are called 1, 2, ...

    Raises:
        DatasetError: it is not in UTF-8, has too many columns, or cannot be read.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DatasetError(f"table {shown(name)} is not in UTF-8; save it as CSV in UTF-8") from error
    try:
        yield from _objects(text) if name.lower().endswith(".jsonl") else _records(text)
    except (csv.Error, ValueError, RecursionError) as error:
        raise DatasetError(f"table {shown(name)} cannot be read: {error}; save it as CSV in UTF-8") from error


def _records(text: str) -> Iterator[Row]:
    lines = io.StringIO(text, newline="")
    header = lines.readline()
    delimiter = max(",;\t|", key=header.count)
    lines.seek(0)
    reader = csv.reader(lines, delimiter=delimiter)
    names = [name.strip() for name in next(reader, [])]
    if len(names) > _MAX_COLUMNS:
        raise ValueError(f"it has {len(names)} columns, and at most {_MAX_COLUMNS} are read")
    if any("." in name and name.lower().rpartition(".")[2] in ("jpg", "jpeg", "png") for name in names):
        yield {str(place): value for place, value in enumerate(names, 1)}  # a row: there are no names
        names = [str(place) for place in range(1, len(names) + 1)]
    for values in reader:
        if values:
            yield dict(zip(names, values, strict=False))


def _objects(text: str) -> Iterator[Row]:
    for line in io.StringIO(text):
        if len(line) > _MAX_LINE_BYTES:
            raise ValueError(f"it has a line of {len(line)} characters, and at most {_MAX_LINE_BYTES} are read")
        if not line.strip():
            continue
        fields = json.loads(line)
        if not isinstance(fields, dict):
            raise ValueError("a line is no JSON object")  # noqa: TRY004 - of the text, not of a type
        yield {n: "" if isinstance(v, dict | list | None) else str(v) for n, v in fields.items()}


def columns_of(table: Iterable[Row], is_file: Callable[[str], bool]) -> Columns | None:
    """Return what the columns of a table are, told by its rows; None where no column names files.

    `is_file` tells whether a value names a file that is there.

    Raises:
        DatasetError: its rows have too many different columns.
    """
    sample: list[Row] = []
    values: dict[str, set[str]] = defaultdict(set)
    count = 0
    for row in table:
        count += 1
        if len(sample) < _SAMPLED_ROWS:
            sample.append(row)
        for name, value in row.items():
            if len(values[name]) < _MAX_VALUES:
                values[name].add(value)
        if len(values) > _MAX_COLUMNS:
            raise DatasetError(f"a table has more than {_MAX_COLUMNS} columns; leave those of files and labels alone")
    named = {name: sum(is_file(row.get(name, "")) for row in sample) for name in values}
    file = max(named, key=lambda name: (named[name], _plain(name) in _FILES), default="")
    if not named.get(file):
        return None
    others = [name for name in values if name != file]
    split = next((name for name in others if _plain(name) in _SPLITS), "")
    return _labelled(file, split, [name for name in others if name != split], values, count)


def _labelled(
    file: str, split: str, others: Sequence[str], values: Mapping[str, Collection[str]], count: int
) -> Columns:
    if any(_plain(name) in _BOXES for name in others):
        return Columns(file, split=split, problem="holds boxes, as for the detection of objects, and no labels")
    named = [name for name in others if _plain(name) in _LABELS]
    if named:
        named.sort(key=lambda name: (all(map(str.isdigit, values[name])), _LABELS.index(_plain(name))))  # words first
        return Columns(file, named[0], split)
    if len(others) > 1 and all(set(values[name]) <= {"0", "1", "0.0", "1.0", ""} for name in others):
        return Columns(file, split=split, one_hot=tuple(others))
    few = [name for name in others if 2 <= len(values[name]) <= min(_MAX_VALUES - 1, max(2, count // 2))]
    if len(few) == 1:
        return Columns(file, few[0], split)
    what = f"columns that may be labels: {', '.join(map(repr, few[:5]))}" if few else "no column of labels"
    return Columns(file, split=split, problem=f"has {what}; call the one that is 'label'")


def _plain(name: str) -> str:
    return "".join(character for character in name.lower() if character.isalnum())
