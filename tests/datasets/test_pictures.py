"""Records of pictures: what was written is what is read, in S3's order; a damaged one is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.errors import DatasetError
from datasets.pictures import Picture, read_record, record_lines

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
_PICTURES = st.lists(
    st.builds(
        Picture, _TEXT, _TEXT, st.sampled_from(["train", "test"]), st.integers(0, 2**40), _TEXT, st.just("") | _TEXT
    ),
    unique_by=lambda picture: picture.path,
    max_size=8,
)


@given(_TEXT, _PICTURES)
def test_what_was_written_is_what_is_read(folder: str, pictures: list[Picture]) -> None:
    """Whatever a path, a class or an ETag is made of; the order is that of S3's listings."""
    read_folder, read = read_record(record_lines(folder, pictures))

    assert read_folder == folder
    assert list(read) == sorted(pictures, key=lambda picture: picture.path.encode())


@pytest.mark.parametrize("lines", [[], [""], ["[]"], ["{}"], ["nothing"]])
def test_what_is_no_record_is_refused(lines: list[str]) -> None:
    """The first line says so already."""
    with pytest.raises(DatasetError, match="a record of pictures begins with its folder"):
        read_record(lines)


@pytest.mark.parametrize("line", ["", "1", '["a.jpg", "rose"]', '["a.jpg", "rose", "train", "large", "e"]'])
def test_damaged_line_is_named(line: str) -> None:
    """Half a record is none."""
    _, pictures = read_record(['{"folder": "s3://a/b/"}', line])

    with pytest.raises(DatasetError, match="a record of pictures has the line"):
        list(pictures)
