"""reports/data_page.py: what is wrong with a dataset, for people."""

import csv
import io

from reports.data_page import COLUMNS, data_csv, data_page

ROW = {
    "kind": "wrong label",
    "path": "cat/<1>.jpg",
    "split": "train",
    "class_name": "cat",
    "score": 0.9,
    "reason": 'the other pictures say "dog"',
    "other": "",
    "other_class": "",
    "action": "relabel",
    "value": "dog",
    "done": "",
}
EXAMINATION = {
    "num_pictures": 2,
    "summary": ["2 pictures of 1 classes"],
    "counts": {"wrong label": 1},
    "classes": [{"class_name": "cat", "train": 2, "validation": 0, "test": 0}],
    "findings": [ROW],
}


def test_the_csv_leaves_the_action_to_the_person():
    """What is suggested stands in a column of its own."""
    header, row = csv.reader(io.StringIO(data_csv([ROW])))

    assert tuple(header) == COLUMNS
    assert row[:3] == ["", "dog", "cat/<1>.jpg"]
    assert row[COLUMNS.index("suggestion")] == "relabel dog"


def test_the_page_shows_each_finding_escaped():
    """A file name is text, whatever it holds, and the tick carries the row of the CSV."""
    page = data_page(EXAMINATION, {"cat/<1>.jpg": b"jpeg"}, "photos", 10)

    assert "cat/&lt;1&gt;.jpg" in page
    assert "<1>" not in page
    assert "data:image/jpeg;base64,anBlZw==" in page
    assert "relabel to dog" in page


def test_a_page_without_findings_says_so():
    """Nothing to tick."""
    page = data_page({**EXAMINATION, "findings": [], "counts": {}}, {}, "photos", 10)

    assert "Nothing was found." in page
