"""Objects become requests, and answers become objects again.

Source: SageMaker API reference, CreateTransformJob and TransformInput.
"""

import gzip
import re
from itertools import pairwise

import pytest
from embedded_account.sagemaker.transform.records import RecordError, assembled, payloads, records
from hypothesis import given
from hypothesis import strategies as st

_LINES = st.lists(st.binary(min_size=1, max_size=20).filter(lambda line: line.strip() and b"\n" not in line))


def test_without_a_split_the_object_is_one_request() -> None:
    """Its bytes pass as they are."""
    assert records(b"a\nb\n", splits_lines=False) == [b"a\nb\n"]


def test_single_records_are_lines() -> None:
    """Each line is a request of its own; empty ones are none."""
    single = payloads(records(b"a\n\nb", splits_lines=True), is_multi_record=False, max_bytes=100)

    assert list(single) == [b"a", b"b"]


@given(lines=_LINES, max_bytes=st.integers(20, 60))
def test_batches_hold_whole_lines_within_the_limit(lines: list[bytes], max_bytes: int) -> None:
    """No line is lost, torn or moved, no request is too large, and none could have taken the next line."""
    batches = list(payloads(records(b"\n".join(lines), splits_lines=True), is_multi_record=True, max_bytes=max_bytes))

    assert [line for batch in batches for line in batch.split(b"\n")] == lines
    assert all(len(batch) <= max_bytes for batch in batches)
    for batch, following in pairwise(batches):
        assert len(batch) + 1 + len(following.split(b"\n")[0]) > max_bytes


@pytest.mark.parametrize("is_multi_record", [True, False])
def test_a_record_above_the_limit_is_refused(is_multi_record: bool) -> None:
    """It is named by its size and the limit."""
    with pytest.raises(RecordError, match="Too much data for max payload size: 11 bytes of 10"):
        list(payloads([b"x" * 11], is_multi_record=is_multi_record, max_bytes=10))


def test_gzip_is_unpacked_first() -> None:
    """The records are those of what is in the file."""
    assert records(gzip.compress(b"a\nb"), splits_lines=True, is_gzip=True) == [b"a", b"b"]


@pytest.mark.parametrize("content", [b"no gzip", gzip.compress(b"cut off")[:-9]], ids=["other", "cut"])
def test_what_is_no_gzip_file_is_refused(content: bytes) -> None:
    """An object that only claims to be one has no output."""
    with pytest.raises(RecordError, match=re.escape("the object is no gzip file")):
        records(content, splits_lines=False, is_gzip=True)


def test_answers_are_assembled_in_order() -> None:
    """With lines, each answer ends with exactly one line end."""
    assert assembled([b"a\n", b"b"], lines=True) == b"a\nb\n"
    assert assembled([b"a", b"b"], lines=False) == b"ab"
