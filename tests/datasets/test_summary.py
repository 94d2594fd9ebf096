"""datasets/summary.py: what a person sees of a dataset stays a screen, however many classes and files there are."""

import pytest

from datasets.layout import File, read_layout
from datasets.summary import MAX_CLASSES, class_lines, counted, reasons


def test_a_thousand_classes_are_a_screen():
    """Those with the fewest pictures to train on are shown, the rest is counted, and the totals are of all."""
    rows = [{"class_name": f"class {n:04}", "train": 1000 - n, "validation": 1, "test": 2} for n in range(1000)]

    lines = class_lines(rows)

    assert len(lines) == MAX_CLASSES + 3
    assert lines[1].split() == ["class", "0999", "1", "1", "2"]
    assert lines[-2] == f"... and 980 more, with {MAX_CLASSES} or more to train on each"
    assert lines[-1].split()[-3:] == ["500500", "1000", "2000"]


def test_names_of_any_length_leave_the_columns_in_line():
    """A name of 300 letters is cut, and numbers stand below each other."""
    rows = [{"class_name": name, "train": 3, "validation": 1, "test": 2} for name in ("a", "x" * 300)]

    assert len({len(line) for line in class_lines(rows)}) == 1


@pytest.mark.parametrize(
    ("aside", "expected"),
    [
        ([], ""),
        ([("a", "empty"), ("b", "too large"), ("c", "too large")], "2 too large ('b', ...); 1 empty ('a')"),
        ([(str(n), f"reason {n}") for n in range(9)], "4 for other reasons"),
    ],
)
def test_reasons_are_counted_with_an_example(aside, expected):
    """The most frequent comes first, and many different ones are few."""
    assert reasons(aside).endswith(expected)


def test_what_lies_there_is_counted_by_class_and_split():
    """With the splits that will be made, and why files are set aside."""
    files = [File(f"{split}/{name}/{n}.jpg", 9) for split in ("train", "test") for name in "ab" for n in range(3)]

    lines = counted(read_layout([*files, File("train/a/notes.docx", 9)]))

    assert [line.split() for line in lines[1:4]] == [
        ["a", "3", "0", "3"],
        ["b", "3", "0", "3"],
        ["all", "2", "classes", "6", "0", "6"],
    ]
    assert lines[4] == "validation will be made from train"
    assert lines[5].startswith("set aside: 1 ")
