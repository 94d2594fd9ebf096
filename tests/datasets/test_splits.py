"""datasets/splits.py: made splits are stratified, seeded, and the same whatever the listing order."""

import random
from collections import Counter, defaultdict

from hypothesis import given
from hypothesis import strategies as st

from datasets.layout import Image
from datasets.splits import make_splits, numbered, units_of
from tests.datasets import plain_splits

_FRACTIONS = st.floats(0.01, 0.5)
_COUNTS = st.dictionaries(st.sampled_from("abcdef"), st.integers(3, 40), min_size=2)


def both(fraction):
    """Return the same fraction for each split that may be made."""
    return dict.fromkeys(("validation", "test"), fraction)


def images(counts, split=""):
    prefix = f"{split}/" if split else ""
    return [Image(f"{prefix}{name}/{i}.jpg", name, split, f"{name}{i}") for name, n in counts.items() for i in range(n)]


@given(_COUNTS, _FRACTIONS, st.integers(0, 2**31), st.randoms(use_true_random=False))
def test_splits_do_not_depend_on_the_listing_order(counts, fraction, seed, shuffler):
    """S3 may list in any order; the splits are the same."""
    shuffled = images(counts)
    shuffler.shuffle(shuffled)

    assert make_splits(shuffled, both(fraction), seed) == make_splits(images(counts), both(fraction), seed)


@given(_COUNTS, _FRACTIONS, st.integers(0, 2**31), st.sampled_from(["", "train"]))
def test_every_class_is_in_every_split(counts, fraction, seed, split):
    """Each class keeps images in train and gives at least one to each made split; none is lost or doubled."""
    placed, made = make_splits(images(counts, split), both(fraction), seed)

    per_class = Counter((image.class_name, image.split) for image in placed)
    assert made == ["validation", "test"]
    assert all(per_class[name, split] >= 1 for name in counts for split in ("train", "validation", "test"))
    assert sorted(image.path for image in placed) == sorted(image.path for image in images(counts, split))


@given(_COUNTS, _FRACTIONS)
def test_only_the_missing_split_is_made(counts, fraction):
    """With train and test given, validation comes from train and test stays as it is."""
    given_test = images(counts, "test")

    placed, made = make_splits(images(counts, "train") + given_test, both(fraction), 1)

    assert made == ["validation"]
    assert [image for image in placed if image.split == "test"] == sorted(given_test)
    assert {image.path.split("/")[0] for image in placed if image.split == "validation"} == {"train"}


def test_split_sizes_follow_the_fraction():
    """A fifth of 100 images a class is 20 for validation and 20 for test."""
    placed, _ = make_splits(images({"a": 100, "b": 50}), both(0.2), 7)

    sizes = Counter((image.class_name, image.split) for image in placed)
    assert (sizes["a", "validation"], sizes["a", "test"], sizes["b", "validation"]) == (20, 20, 10)


def test_another_seed_makes_another_split():
    """The seed decides which images leave train."""
    one, other = (make_splits(images({"a": 50, "b": 50}), both(0.2), seed)[0] for seed in (1, 2))

    assert one != other


def test_an_added_image_moves_few_others():
    """Splits stay comparable between a dataset and its next version."""
    before, _ = make_splits(images({"a": 100, "b": 100}), both(0.2), 1)
    after, _ = make_splits(images({"a": 101, "b": 100}), both(0.2), 1)

    was = {image.path: image.split for image in before}
    moved = sum(1 for image in after if image.path in was and was[image.path] != image.split)
    assert moved <= 4


def test_given_splits_are_left_alone():
    """Nothing is made when train, validation and test are there."""
    counts = defaultdict(int, a=3, b=4)
    given_images = [image for split in ("train", "validation", "test") for image in images(counts, split)]
    random.Random(0).shuffle(given_images)

    placed, made = make_splits(given_images, both(0.2), 1)

    assert (list(placed), made) == (sorted(given_images), [])


@given(_COUNTS, _FRACTIONS, st.integers(0, 2**31), st.integers(1, 6))
def test_a_unit_is_never_divided(counts, fraction, seed, size):
    """Pictures of one unit go to one split, and every class keeps some in train."""
    rows = images(counts)
    units = {image.path: f"{image.class_name} {int(image.path.split('/')[1][:-4]) // size}" for image in rows}

    placed, _ = make_splits(rows, both(fraction), seed, numbered(units[image.path] for image in rows))

    splits = defaultdict(set)
    for image in placed:
        splits[units[image.path]].add(image.split)
    assert all(len(of_unit) == 1 for of_unit in splits.values())
    assert {image.class_name for image in placed if image.split == "train"} == set(counts)


def test_equal_bytes_and_groups_are_one_unit():
    """A picture that shares its bytes with one and its group with another joins the three."""
    rows = [Image("a/p1-0.jpg", "a", "", "x"), Image("a/p1-1.jpg", "a", "", "y"), Image("a/p2-0.jpg", "a", "", "y")]

    assert len(set(units_of(rows, r"(p\d)-"))) == 1
    assert len(set(units_of(rows, ""))) == 2


_PATHS = st.builds("{}/{}{}.jpg".format, st.sampled_from("abc"), st.sampled_from("pqrs"), st.integers(0, 30))
_IMAGES = st.lists(
    st.tuples(_PATHS, st.sampled_from(["", "train", "test"]), st.sampled_from(["", "u", "v", *map(str, range(20))])),
    min_size=1,
    max_size=60,
    unique_by=lambda row: row[0],
)


@given(_IMAGES, _FRACTIONS, st.integers(0, 2**31), st.sampled_from(["", "(p)", "[a-c]/(.)", "(q|r)1"]))
def test_splits_are_those_of_the_rule_written_plainly(rows, fraction, seed, group_by):
    """Packed as they are, images get the splits that objects, dictionaries and sorted lists give them."""
    given_images = [Image(path, path[0], split, content) for path, split, content in rows]

    placed, made = make_splits(given_images, both(fraction), seed, units_of(given_images, group_by))

    plain = plain_splits.make_splits(given_images, both(fraction), seed, plain_splits.units_of(given_images, group_by))
    assert (list(placed), made) == plain
