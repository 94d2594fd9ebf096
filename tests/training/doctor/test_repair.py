"""training/doctor/repair.py: what belongs together ends on one side."""

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from training.doctor.repair import Placed, moves

SPLITS = ("train", "validation", "test")


def pictures(*splits, name="{split}/a/{index}.jpg"):
    """Return one picture of class a for each of `splits`."""
    return [Placed(name.format(split=split, index=index), "a", split) for index, split in enumerate(splits)]


def test_a_leak_leaves_the_later_of_given_splits():
    """A test picture that is in train too leaves test; train keeps its own."""
    assert moves(pictures("train", "test", "test"), [0, 0, 2], "", {}, 0) == {"test/a/1.jpg": ""}


def test_copies_within_a_split_stay():
    """Two copies in train are no leak."""
    assert moves(pictures("train", "train", "test"), [0, 0, 2], "", {}, 0) == {}


def test_a_group_is_on_one_side():
    """Pictures of a patient who is in train leave test."""
    rows = [Placed("train/a/p1-0.jpg", "a", "train"), *(Placed(f"test/a/p{n}-0.jpg", "a", "test") for n in (1, 2))]

    assert moves(rows, [0, 1, 2], r"(p\d+)-", {}, 0) == {"test/a/p1-0.jpg": ""}


@given(
    st.lists(st.tuples(st.sampled_from(SPLITS), st.integers(0, 9), st.sampled_from("ab")), min_size=1, max_size=60),
    st.sampled_from([(), ("validation",), ("validation", "test")]),
)
def test_no_unit_is_ever_divided(rows, made):
    """Whatever the copies and whichever splits are made, no copy of a picture ends in another split."""
    placed = [Placed(f"{name}/{index}.jpg", name, split) for index, (split, _, name) in enumerate(rows)]
    copies = [cluster for _, cluster, _ in rows]

    changes = moves(placed, copies, "", dict.fromkeys(made, 0.2), 3)

    splits = defaultdict(set)
    for picture, cluster in zip(placed, copies, strict=True):
        splits[cluster].add(changes.get(picture.path, picture.split))
    assert all(len(of_unit - {""}) == 1 for of_unit in splits.values())


def test_made_splits_keep_all_pictures():
    """Where splits are made, copies change sides and none is lost: 20 pictures of five copies each."""
    rows = pictures(*(SPLITS[index % 3] for index in range(100)), name="a/{index}.jpg")
    copies = [index // 5 for index in range(100)]

    changes = moves(rows, copies, "", {"validation": 0.2, "test": 0.2}, 0)
    split_of = [changes.get(row.path, row.split) for row in rows]

    assert [split_of.count(split) for split in SPLITS] == [60, 20, 20]
