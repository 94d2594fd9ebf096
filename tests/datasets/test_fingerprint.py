"""datasets/fingerprint.py: one identity for one content."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.fingerprint import folder_fingerprint
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


@pytest.mark.parametrize(
    "change", [File("b", 1, "e"), File("a", 2, "e"), File("a", 1, "f")], ids=["key", "size", "etag"]
)
def test_folder_fingerprint_changes_with_the_content(change):
    """Key, size and ETag all count."""
    assert folder_fingerprint([change]) != folder_fingerprint([File("a", 1, "e")])
