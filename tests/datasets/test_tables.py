"""datasets/tables.py: a table of labels, whatever it holds, is read within bounds or refused in a sentence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.errors import DatasetError
from datasets.labels import covers, read_labels
from datasets.tables import Columns, columns_of, rows

_NAMES = ["metadata.csv", "labels.tsv", "metadata.jsonl"]


@given(st.binary(max_size=400) | st.text(max_size=400).map(str.encode), st.sampled_from(_NAMES))
def test_any_bytes_end_in_rows_or_in_a_sentence(data, name):
    """No other exception, whatever somebody has called a table."""
    labels = read_labels([name], ["a.jpg", "b/1.jpg"], lambda _: data)

    assert set(labels.classes) <= {"a.jpg", "b/1.jpg"}
    assert all(name.isprintable() for name in labels.classes.values())


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.csv", "file,l\xe4bel\n".encode("latin-1"), "is not in UTF-8; save it as CSV in UTF-8"),
        ("a.csv", b",".join([b"x"] * 3000), "it has 3000 columns"),
        ("a.jsonl", b'{"a": 1}\n[1]\n', "a line is no JSON object"),
        ("a.jsonl", b'{"a": "' + b"x" * 70_000 + b'"}', "it has a line of 7000[89] characters"),
        ("a.jsonl", b"[" * 50_000, "cannot be read"),
        ("a.csv", b'a,b\n"' + b"x" * 200_000, "field larger than field limit"),
    ],
)
def test_table_that_cannot_be_read_says_why(name, data, reason):
    """Another encoding, none, or sizes that no table of labels has."""
    with pytest.raises(DatasetError, match=reason):
        list(rows(name, data))


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        ("file_name,label", Columns("file_name", "label")),
        ("id;breed", Columns("id", "breed")),
        ("label,image", Columns("image", "label")),
        ("index,filename,Class Name,split", Columns("filename", "Class Name", "split")),
    ],
)
def test_columns_are_told_by_what_is_in_them(header, columns):
    """The files are where the values are files; what they are called decides between labels alone."""
    names = header.replace(";", ",").split(",")
    values = {"file": "{0}.jpg", "label": "{1}", "split": "train", "index": "{2}"}
    kinds = [
        "file" if name in (columns.file,) else "split" if name == "split" else "index" if name == "index" else "label"
        for name in names
    ]
    separator = ";" if ";" in header else ","
    lines = [separator.join(values[kind] for kind in kinds).format(i, "ab"[i % 2], 900 + i) for i in range(6)]

    read = columns_of(rows("t.csv", "\n".join([header, *lines]).encode()), lambda value: value.endswith(".jpg"))

    assert read == columns


def test_rows_of_ever_new_columns_are_refused():
    """A line is small, and all of them together would be a column each."""
    data = "".join(f'{{"{number}": 1}}\n' for number in range(600)).encode()

    with pytest.raises(DatasetError, match="a table has more than 500 columns"):
        columns_of(rows("a.jsonl", data), bool)


def test_labels_with_spaces_and_any_script_are_kept():
    """A byte order mark, quotes, and letters composed in two ways are no matter."""
    data = "\ufefffile,label\na.jpg, l'\u0153illet \nb.jpg,\u3072\u307e\n".encode()

    labels = read_labels(["metadata.csv"], ["a.jpg", "b.jpg"], lambda _: data)

    assert labels.classes == {"a.jpg": "l'\u0153illet", "b.jpg": "\u3072\u307e"}
    assert covers(labels, 2)
