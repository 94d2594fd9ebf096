"""Archives in S3, read through ranges: no archive makes us read more than its limits, or write outside its target."""

import gzip
import tarfile
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets import errors, ranged
from datasets.archives import Archive, Limits, is_archive, members
from datasets.paths import safe_path
from handlers import aws
from handlers.aws import objects
from handlers.contract.errors import AwsUnavailableError, DatasetChangedError, DatasetError
from handlers.datasets.refusals import as_dataset_error
from tests.handlers import packing
from tests.handlers.environment import BUCKET


def unpacked(world, key, body, limits=None):
    """Put an archive and return its members as path -> bytes."""
    world.put(key, body)
    return contents(objects.head(BUCKET, key), limits)


def contents(stored, limits=None):
    with as_dataset_error():
        archive = Archive(objects.SeekableObject(BUCKET, stored), stored.key, stored.size)
        return {member.path: member.read() for member in members(archive, limits)}


@pytest.mark.parametrize(("key", "pack"), [("a.zip", packing.zipped), ("a.tar.gz", packing.tar_gz)])
def test_members_are_read_in_full(world, key, pack):
    """Every regular file comes with its bytes."""
    assert unpacked(world, key, pack(packing.IMAGES)) == packing.IMAGES


@pytest.mark.parametrize(("key", "pack"), [("a.zip", packing.zipped), ("a.tar.gz", packing.tar_gz)])
def test_members_are_read_across_blocks(world, key, pack, monkeypatch):
    """An archive larger than the cached blocks is read through many ranges."""
    monkeypatch.setattr(ranged, "BLOCK_BYTES", 1000)
    files = {f"{i}.jpg": bytes((i * j * j) % 251 for j in range(3000)) for i in range(1, 12)}

    assert unpacked(world, key, pack(files)) == files


def test_stored_zip_is_read(world):
    """Photographs are often packed without compression."""
    assert unpacked(world, "a.zip", packing.zipped(packing.IMAGES, zipfile.ZIP_STORED)) == packing.IMAGES


def test_folders_are_passed_over(world):
    """A folder's own entry is no file."""
    body = packing.tar_gz({"a/1.jpg": b"1"}, [packing.special("b", tarfile.DIRTYPE)])

    assert unpacked(world, "a.tar.gz", body) == {"a/1.jpg": b"1"}


def test_backslashes_separate_folders(world):
    """Some programs on Windows pack them so."""
    assert unpacked(world, "a.zip", packing.zipped({"train\\daisy\\1.jpg": b"1"})) == {"train/daisy/1.jpg": b"1"}


_OUTSIDE = ["../x.jpg", "a/../../x.jpg", "/etc/x.jpg", "C:/x.jpg", "..\\x.jpg", "\\\\host\\x.jpg", "a/\x01.jpg"]


@pytest.mark.parametrize(("key", "pack"), [("a.zip", packing.zipped), ("a.tar.gz", packing.tar_gz)])
@pytest.mark.parametrize("path", _OUTSIDE)
def test_paths_that_leave_the_dataset_are_refused(world, key, pack, path):
    """Traversal, absolute paths, drives and control characters."""
    with pytest.raises(DatasetError, match="points outside the dataset"):
        unpacked(world, key, pack({"daisy/1.jpg": b"1", path: b"2"}))


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.CONTTYPE]
)
def test_tar_members_that_are_no_files_are_refused(world, kind):
    """Links and devices have no place among images; a contiguous file is read as a file."""
    body = packing.tar_gz({"daisy/1.jpg": b"1"}, [packing.special("daisy/2.jpg", kind, "/etc/passwd")])

    if kind == tarfile.CONTTYPE:
        assert set(unpacked(world, "a.tar.gz", body)) == {"daisy/1.jpg", "daisy/2.jpg"}
    else:
        with pytest.raises(DatasetError, match=r"'daisy/2.jpg' is no regular file"):
            unpacked(world, "a.tar.gz", body)


def test_zip_links_are_refused(world):
    """A zip keeps links as files with a mode."""
    with pytest.raises(DatasetError, match=r"'daisy/1.jpg' is no regular file"):
        unpacked(world, "a.zip", packing.zip_with_link("daisy/1.jpg", "/etc/passwd"))


@pytest.mark.parametrize("key", ["a.zip", "a.tar.gz"])
def test_archive_of_zero_bytes_is_refused(world, key):
    """Nothing was uploaded."""
    with pytest.raises(DatasetError, match="has 0 bytes; upload it again"):
        unpacked(world, key, b"")


@pytest.mark.parametrize(("key", "pack"), [("a.zip", packing.zipped), ("a.tar.gz", packing.tar_gz)])
def test_archive_without_files_is_refused(world, key, pack):
    """An empty archive is a sound archive of nothing."""
    with pytest.raises(DatasetError, match="holds no file; expected folders named after classes"):
        unpacked(world, key, pack({}))


@pytest.mark.parametrize("key", ["a.zip", "a.tar.gz", "a.tgz"])
@pytest.mark.parametrize(
    "body", [b"x", b"no archive at all" * 100, gzip.compress(b"no tar" * 500, mtime=0), b"PK\x03\x04"]
)
def test_what_is_no_archive_is_refused(world, key, body):
    """Whatever the name says."""
    with pytest.raises(DatasetError, match=r"cannot be read: .+; pack and upload it again"):
        unpacked(world, key, body)


@pytest.mark.parametrize(("key", "pack"), [("a.zip", packing.zipped), ("a.tar.gz", packing.tar_gz)])
def test_truncated_archive_is_refused_at_any_length(world, key, pack):
    """An upload that broke off never passes for a smaller dataset."""
    whole = pack({f"daisy/{i}.jpg": bytes((i * j * j) % 251 for j in range(700)) for i in range(6)})

    for length in [*range(1, 80), *range(80, len(whole) - 1, 97), len(whole) - 1]:
        with pytest.raises(DatasetError, match="archive"):
            unpacked(world, key, whole[:length])


@pytest.mark.parametrize(("key", "pack"), [("a.zip", packing.zipped), ("a.tar.gz", packing.tar_gz)])
def test_damaged_archive_is_refused_or_read_right(world, key, pack):
    """A flipped byte is noticed by a checksum, or it was in a place that does not matter."""
    files = {f"daisy/{i}.jpg": bytes((i * j * j) % 251 for j in range(300)) for i in range(3)}
    whole = pack(files)

    for at in range(0, len(whole), 41):
        damaged = bytearray(whole)
        damaged[at] ^= 0xFF
        try:
            contents = unpacked(world, key, bytes(damaged))
        except DatasetError:
            continue
        assert sorted(contents.values()) == sorted(files.values())


def test_damaged_header_inside_a_tar_is_not_its_end(world):
    """tarfile alone takes a header it cannot read for the end and drops the rest without a word."""
    plain = bytearray(packing.tar({f"daisy/{i}.jpg": b"x" * 600 for i in range(4)}))
    second = 512 + 1024  # header and two blocks of the first member
    plain[second : second + 8] = b"\xff" * 8

    with pytest.raises(DatasetError, match="damaged header"):
        unpacked(world, "a.tar.gz", gzip.compress(bytes(plain)))


@pytest.mark.parametrize(("key", "pack"), [("a.zip", packing.zipped), ("a.tar.gz", packing.tar_gz)])
def test_bomb_is_refused(world, key, pack):
    """What unpacks to much more than it weighs is no photograph."""
    body = pack({"daisy/1.jpg": bytes(30 * 1024 * 1024)})

    with pytest.raises(DatasetError, match=r"unpacks to more than \d+ bytes; upload it as a folder"):
        unpacked(world, key, body, Limits(ratio=10))


@pytest.mark.parametrize(("key", "pack"), [("a.zip", packing.zipped), ("a.tar.gz", packing.tar_gz)])
def test_total_size_is_bounded(world, key, pack):
    """The sum over all members counts."""
    with pytest.raises(DatasetError, match="unpacks to more than 20 bytes"):
        unpacked(world, key, pack(packing.IMAGES), Limits(total_bytes=20))


@pytest.mark.parametrize(("key", "pack"), [("a.zip", packing.zipped), ("a.tar.gz", packing.tar_gz)])
def test_number_of_members_is_bounded(world, key, pack):
    """Very many tiny members are a bomb too."""
    with pytest.raises(DatasetError, match="has more than 3 members; upload it as a folder"):
        unpacked(world, key, pack(packing.IMAGES), Limits(members=3))


def test_huge_header_of_a_tar_is_refused(world):
    """A pax header is read into memory whole, so its size is checked first."""
    header = tarfile.TarInfo("pax")
    header.type, header.size = tarfile.XHDTYPE, 2 * 1024 * 1024
    body = gzip.compress(header.tobuf() + bytes(header.size) + packing.tar(packing.IMAGES))

    with pytest.raises(DatasetError, match="header of 2097152 bytes"):
        unpacked(world, "a.tar.gz", body)


def test_huge_directory_of_a_zip_is_refused(world):
    """zipfile reads the central directory in one piece, as large as it says it is."""
    with pytest.raises(DatasetError, match=r"directory of \d+ bytes; at most 50 are read"):
        unpacked(world, "a.zip", packing.zipped(packing.IMAGES), Limits(central_directory_bytes=50))


def test_encrypted_zip_is_refused(world):
    """There is nobody to ask for a password."""
    with pytest.raises(DatasetError, match="encrypted, password required"):
        unpacked(world, "a.zip", packing.encrypted_zip(packing.IMAGES))


def test_archive_replaced_while_it_is_read_is_noticed(world):
    """Every block is asked for by ETag."""
    world.put("a.zip", packing.zipped(packing.IMAGES))
    seen = objects.head(BUCKET, "a.zip")
    world.put("a.zip", packing.zipped({"other/1.jpg": b"1"}))

    with pytest.raises(DatasetChangedError, match="changed while it was read"):
        contents(seen)


@given(st.text())
def test_safe_path_stays_below_its_folder(name):
    """Whatever the name, the result climbs nowhere and is relative."""
    try:
        path = safe_path(name)
    except errors.DatasetError:
        return

    assert not path.startswith("/")
    assert ".." not in path.split("/")


@pytest.mark.parametrize(("key", "expected"), [("a.ZIP", True), ("a.tar.gz", True), ("a.tgz", True), ("a.gz", False)])
def test_is_archive_goes_by_the_name(key, expected):
    """Case does not matter."""
    assert is_archive(key) is expected


class _BrokenBody:
    def read(self):
        from botocore.exceptions import IncompleteReadError

        raise IncompleteReadError(actual_bytes=1, expected_bytes=2)


class _BrokenClient:
    """Answers every range with a body that breaks off."""

    calls = 0

    def get_object(self, **_):
        self.calls += 1
        return {"Body": _BrokenBody()}


def test_broken_connection_is_tried_again_then_typed(world, monkeypatch):
    """botocore does not retry inside a body; three tries, then one of our errors."""
    world.put("a.zip", packing.zipped(packing.IMAGES))
    seen, client = objects.head(BUCKET, "a.zip"), _BrokenClient()
    monkeypatch.setattr(aws, "s3", lambda: client)

    with pytest.raises(AwsUnavailableError, match=r"a.zip': 1 read, but total bytes expected is 2"):
        contents(seen)
    assert client.calls == 3
