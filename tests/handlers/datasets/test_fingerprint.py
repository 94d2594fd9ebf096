"""handlers/datasets/fingerprint.py: one identity for one content."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.aws.objects import S3Object
from handlers.datasets.fingerprint import folder_fingerprint

_OBJECTS = st.lists(
    st.builds(S3Object, st.text(min_size=1), st.integers(0, 10**12), st.text("0123456789abcdef-", max_size=40)),
    unique_by=lambda o: o.key,
)


@given(_OBJECTS, st.randoms(use_true_random=False))
def test_folder_fingerprint_ignores_the_order(found, shuffler):
    """S3 may list in any order."""
    shuffled = list(found)
    shuffler.shuffle(shuffled)

    assert folder_fingerprint(shuffled) == folder_fingerprint(found)


@pytest.mark.parametrize(
    "change", [S3Object("b", 1, "e"), S3Object("a", 2, "e"), S3Object("a", 1, "f")], ids=["key", "size", "etag"]
)
def test_folder_fingerprint_changes_with_the_content(change):
    """Key, size and ETag all count."""
    assert folder_fingerprint([change]) != folder_fingerprint([S3Object("a", 1, "e")])


def test_fingerprint_of_a_folder_ignores_marker_and_name(world):
    """The same files under another name, with or without _SUCCESS and folder markers, are the same content."""
    for name in ("one", "two"):
        world.put(f"datasets/{name}/daisy/1.jpg", "same")
    world.put("datasets/two/_SUCCESS", "")
    world.put("datasets/two/daisy/", "")

    one, two = (world.fingerprint(f"s3://retriever-data/datasets/{name}/") for name in ("one", "two"))

    assert one == two


def test_fingerprint_of_an_archive_changes_with_its_bytes(world):
    """Size and ETag of the one object."""
    world.put("datasets/a.zip", "one")
    before = world.fingerprint("s3://retriever-data/datasets/a.zip")
    world.put("datasets/a.zip", "two")

    assert world.fingerprint("s3://retriever-data/datasets/a.zip") != before
