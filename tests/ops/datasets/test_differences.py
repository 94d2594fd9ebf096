"""What differs between two runs: by path first, and by bytes where the path is another."""

import pytest

from datasets.pictures import Picture
from ops.datasets.differences import differences


def picture(path: str, split: str = "train", content: str = "1", sha256: str = "") -> Picture:
    return Picture(path, path.partition("/")[0], split, 10, content, sha256)


def named(old: list[Picture], new: list[Picture]) -> dict[str, list[str]]:
    """The changes by kind, each as path and words."""
    kinds = differences({one.path: one for one in old}, {one.path: one for one in new}).kinds()
    return {
        kind: [f"{change.path}: {change.words}" for change in changes] for kind, changes in kinds.items() if changes
    }


BEFORE = [picture("daisy/1.jpg"), picture("rose/2.jpg", content="2"), picture("rose/3.jpg", "test", "3")]


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (BEFORE, {}),
        ([*BEFORE, picture("rose/4.jpg", content="4")], {"added": ["rose/4.jpg: rose, train"]}),
        (BEFORE[1:], {"removed": ["daisy/1.jpg: daisy, train"]}),
        (
            [picture("rose/1.jpg"), *BEFORE[1:]],
            {"relabelled": ["rose/1.jpg: daisy to rose, was daisy/1.jpg"]},
        ),
        (
            [picture("daisy/1.jpg", "validation"), *BEFORE[1:]],
            {"moved between splits": ["daisy/1.jpg: train to validation"]},
        ),
        ([picture("daisy/1.jpg", content="9"), *BEFORE[1:]], {"replaced": ["daisy/1.jpg: other bytes"]}),
        ([picture("daisy/9.jpg"), *BEFORE[1:]], {"renamed": ["daisy/9.jpg: was daisy/1.jpg"]}),
    ],
    ids=["nothing", "added", "removed", "relabelled", "moved", "replaced", "renamed"],
)
def test_each_kind_of_change_is_told_once(after: list[Picture], expected: dict[str, list[str]]) -> None:
    """A label is a folder, so a picture with another label is one with another path."""
    assert named(BEFORE, after) == expected


def test_equal_bytes_are_equal_whatever_the_etag_says() -> None:
    """An upload in parts has another ETag; the SHA-256 of the job tells."""
    assert named([picture("a/1.jpg", content="1-2", sha256="f")], [picture("a/1.jpg", content="1", sha256="f")]) == {}


def test_two_pictures_of_equal_bytes_are_two() -> None:
    """One of two copies is gone: it is removed, and the other one is not taken for it."""
    assert named([picture("a/1.jpg"), picture("a/2.jpg")], [picture("b/1.jpg")]) == {
        "relabelled": ["b/1.jpg: a to b, was a/1.jpg"],
        "removed": ["a/2.jpg: a, train"],
    }
