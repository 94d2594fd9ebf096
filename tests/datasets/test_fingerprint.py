"""datasets/fingerprint.py: one identity for one content."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.fingerprint import folder_fingerprint, ordered_fingerprint
from datasets.layout import File

_OBJECTS = st.lists(
    st.builds(File, st.text(min_size=1), st.integers(0, 10**12), st.text("0123456789abcdef-", max_size=40)),
    unique_by=lambda file: file.path,
)


@given(_OBJECTS, st.randoms(use_true_random=False))
def test_folder_fingerprint_ignores_the_order(images, shuffler):
    """S3 may list in any order."""
    shuffled = list(images)
    shuffler.shuffle(shuffled)

    assert folder_fingerprint(shuffled) == folder_fingerprint(images)


@given(_OBJECTS)
def test_fingerprint_of_a_listing_is_that_of_its_files(files):
    """S3 lists by the bytes of keys: told of in that order, nothing has to be kept to be sorted."""
    listed = sorted(files, key=lambda file: file.path.encode())

    assert ordered_fingerprint(listed) == folder_fingerprint(listed[::-1])


def test_files_out_of_order_are_no_listing():
    """A fingerprint of another order would be another one, so there is none."""
    with pytest.raises(ValueError, match=r"path 'a' after 'b'; .* in ascending order"):
        ordered_fingerprint([File("b", 1, "e"), File("a", 1, "e")])


def test_fingerprint_is_the_same_in_every_version():
    """What runs and schedules have noted stays what it was."""
    files = [File("b/ü.jpg", 3, "f"), File("a/1.jpg", 12, "e"), File("a/")]

    assert folder_fingerprint(files) == sha256("a/1.jpg\x0012\0e\nb/ü.jpg\x003\0f\n".encode()).hexdigest()


@pytest.mark.parametrize(
    "change", [File("b", 1, "e"), File("a", 2, "e"), File("a", 1, "f")], ids=["key", "size", "etag"]
)
def test_folder_fingerprint_changes_with_the_content(change):
    """Key, size and ETag all count."""
    assert folder_fingerprint([change]) != folder_fingerprint([File("a", 1, "e")])
