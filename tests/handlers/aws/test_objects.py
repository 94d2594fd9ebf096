"""handlers/aws/objects.py: S3 objects as files, bounded reads, URIs."""

import io
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datasets import ranged
from handlers import aws
from handlers.aws import objects
from handlers.contract.errors import AwsNotFoundError, RetrieverError
from tests.handlers.environment import BUCKET

_BODY = bytes(range(256)) * 20


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(st.integers(0, len(_BODY) + 5), st.integers(0, 900)), max_size=8),
    st.sampled_from([64, 1000, 10_000]),
)
def test_seekable_object_reads_as_a_file(world, reads, block_bytes):
    """Any sequence of seeks and reads gives what a local file gives, whatever the size of a block."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranged, "BLOCK_BYTES", block_bytes)
        world.put("file", _BODY)
        source = io.BufferedReader(objects.SeekableObject(BUCKET, objects.head(BUCKET, "file")))
        local = io.BytesIO(_BODY)

        for offset, size in reads:
            assert source.seek(offset) == local.seek(offset)
            assert source.read(size) == local.read(size)


def test_seek_before_the_first_byte_is_refused(world):
    """As for any file."""
    world.put("file", b"abc")
    source = objects.SeekableObject(BUCKET, objects.head(BUCKET, "file"))

    with pytest.raises(OSError, match="seek to -1"):
        source.seek(-4, io.SEEK_END)


def test_read_refuses_more_than_its_cap(world):
    """The size is known before a byte is read."""
    world.put("file", b"abcd")

    with pytest.raises(RetrieverError, match="has 4 bytes; at most 3 are read"):
        objects.read(BUCKET, "file", 3)
    assert objects.read(BUCKET, "file", 4) == b"abcd"


def test_read_of_nothing_is_empty(world):
    """S3 refuses a range of an empty object, so none is asked for."""
    world.put("file", b"")

    assert objects.read(BUCKET, "file", 10) == b""


def test_read_of_a_missing_object_is_typed(world):
    """Not a ClientError."""
    with pytest.raises(AwsNotFoundError, match="HeadObject: 404"):
        objects.read(BUCKET, "nothing", 10)


def test_listing_crosses_pages(world):
    """S3 lists a thousand at a time; here two."""
    for i in range(5):
        world.put(f"many/{i}")
    pages = aws.s3().get_paginator("list_objects_v2")
    few = pages.paginate(Bucket=BUCKET, Prefix="many/", PaginationConfig={"PageSize": 2})
    client = SimpleNamespace(get_paginator=lambda _: SimpleNamespace(paginate=lambda **_: few))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aws, "s3", lambda: client)

        assert len(list(objects.list_objects(BUCKET, "many/"))) == 5


def test_write_json_refuses_nan(world):
    """NaN is no JSON and would break the reader instead."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        objects.write_json(BUCKET, "x.json", float("nan"))


@pytest.mark.parametrize("uri", ["http://b/k", "s3:///k", "b/k", ""])
def test_split_uri_refuses_what_is_no_s3_uri(uri):
    """The value is named."""
    with pytest.raises(ValueError, match="expected s3://BUCKET/KEY"):
        objects.split_uri(uri)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_json_array_is_written_piece_by_piece(world, count):
    """What no memory holds at once reads back as one array."""
    values = [{"prefix": "s3://a/"}, "ü/1.jpg", 'a "b".jpg'][:count]

    uri = objects.write_pieces(BUCKET, "array.json", objects.json_pieces(iter(values)), "application/json")

    assert (uri, world.json(uri)) == (f"s3://{BUCKET}/array.json", values)


def test_what_the_disk_does_not_hold_is_said(world):
    """An object larger than the function's disk ends in a sentence with what to give it."""

    def pieces():
        yield b"first"
        raise OSError(28, "No space left on device")

    with pytest.raises(RetrieverError, match=r"does not fit on the function's disk: .*; give it more EphemeralStorage"):
        objects.write_pieces(BUCKET, "large.json", pieces(), "application/json")
    assert world.keys("large.json") == []
