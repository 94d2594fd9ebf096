"""training/export/groups.py: accuracy by group."""

from training.export.groups import group_scores

_PATHS = ["test/a/p1-1.jpg", "test/a/p1-2.jpg", "test/a/p2-1.jpg", "test/a/other.jpg"]


def test_groups_come_worst_first_with_their_mistakes() -> None:
    """A picture of no group counts for none."""
    assert group_scores(_PATHS, [True, False, True, False], r"(p\d+)-") == [
        {"group": "p1", "num_images": 2, "num_right": 1, "mistakes": ["test/a/p1-2.jpg"]},
        {"group": "p2", "num_images": 1, "num_right": 1, "mistakes": []},
    ]


def test_without_a_pattern_there_are_no_groups() -> None:
    """GroupBy is empty by default."""
    assert group_scores(_PATHS, [True] * 4, "") == []
