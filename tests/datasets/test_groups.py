"""datasets/groups.py: what belongs together by its path."""

import pytest

from datasets.errors import DatasetError
from datasets.groups import compiled, group_of


@pytest.mark.parametrize(
    ("pattern", "path", "group"),
    [
        (r"(patient\d+)", "train/cat/patient12_3.jpg", "patient12"),
        (r"(\w+)_(\d+)-\d+", "cat/cam_7-001.jpg", "cam/7"),
        (r"^\w+", "cat/1.jpg", "cat"),
        (r"(patient\d+)", "cat/1.jpg", ""),
        ("", "cat/1.jpg", ""),
    ],
)
def test_the_group_is_what_the_pattern_matches(pattern, path, group):
    """Its parentheses where there are any, else all that it matches."""
    assert group_of(path, compiled(pattern)) == group


@pytest.mark.parametrize("pattern", ["(", "x" * 201])
def test_a_pattern_that_cannot_be_used_is_refused(pattern):
    """The sentence names GroupBy."""
    with pytest.raises(DatasetError, match="GroupBy"):
        compiled(pattern)
