"""Large contents: on disk, in blocks, and whole however they come and go."""

import hashlib
import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import psutil
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from embedded_account.pytest_plugin import RunningAccount
from embedded_account.s3.disk import BLOCK_BYTES, LARGE_BYTES, Disk

_FORM = b'--x\r\nContent-Disposition: form-data; name="f"; filename="t"\r\n\r\ntest\r\n--x--\r\n'
_MB = 1 << 20


@pytest.fixture
def bucket(aws: Callable[[str], Any]) -> str:
    """Give a bucket of its own."""
    name = f"contents-{uuid.uuid4().hex[:8]}"
    aws("s3").create_bucket(Bucket=name)
    return name


def test_a_large_object_comes_back_as_it_was_put(aws: Callable[[str], Any], bucket: str) -> None:
    """Whole, by range, and with its MD5 as the ETag, as S3 gives it to an object that was put in one piece.

    Source: S3 API reference, Object: ETag; GetObject: Range.
    """
    content = os.urandom(3 * LARGE_BYTES + 7)

    put = aws("s3").put_object(Bucket=bucket, Key="large", Body=content, Metadata={"who": "me"})

    got = aws("s3").get_object(Bucket=bucket, Key="large")
    part = aws("s3").get_object(Bucket=bucket, Key="large", Range=f"bytes=5-{BLOCK_BYTES + 4}")
    tail = aws("s3").get_object(Bucket=bucket, Key="large", Range=f"bytes={len(content) - 3}-")
    assert got["Body"].read() == content
    assert (got["ContentLength"], got["Metadata"], got["ETag"]) == (len(content), {"who": "me"}, put["ETag"])
    assert part["Body"].read() == content[5 : BLOCK_BYTES + 5]
    assert part["ContentRange"] == f"bytes 5-{BLOCK_BYTES + 4}/{len(content)}"
    assert tail["Body"].read() == content[-3:]


def test_a_range_beyond_the_end_is_refused(aws: Callable[[str], Any], bucket: str) -> None:
    """S3 answers InvalidRange with 416.

    Source: S3 API reference, "Error responses": InvalidRange.
    """
    aws("s3").put_object(Bucket=bucket, Key="k", Body=b"0123")

    with pytest.raises(aws("s3").exceptions.ClientError, match="InvalidRange"):
        aws("s3").get_object(Bucket=bucket, Key="k", Range="bytes=4-")


@pytest.mark.parametrize("options", [{}, {"ACL": "private"}], ids=["plain", "optional"])
@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/x-www-form-urlencoded", b"key=1&b=2"),
        ("application/x-www-form-urlencoded", bytes(range(256))),
        ("multipart/form-data; boundary=x", _FORM),
        ("multipart/form-data; boundary=x", b"no form"),
    ],
)
def test_what_is_put_is_no_form(
    aws: Callable[[str], Any], bucket: str, options: dict[str, str], content_type: str, body: bytes
) -> None:
    """The body is kept as it came: curl calls what it sends a form. Source: Amazon S3 API reference, PutObject."""
    aws("s3").put_object(Bucket=bucket, Key="k", Body=body, ContentType=content_type, **options)

    answer = aws("s3").get_object(Bucket=bucket, Key="k")

    assert (answer["Body"].read(), answer["ContentType"]) == (body, content_type)


def test_what_curl_sends_to_a_url_is_no_form(account: RunningAccount, bucket: str) -> None:
    """A picture that is put to a presigned URL arrives whole, though curl calls it a form."""
    s3 = account.client("s3", config=Config(signature_version="s3v4"))
    url = s3.generate_presigned_url("put_object", {"Bucket": bucket, "Key": "k"})
    headers = {"Content-Type": "application/x-www-form-urlencoded"}

    with urlopen(Request(url, bytes(range(256)), headers, method="PUT")) as answer:  # noqa: S310 (the account's own URL)
        assert answer.status == 200

    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == bytes(range(256))


def test_upload_is_completed_by_what_curl_sends(account: RunningAccount, bucket: str) -> None:
    """The list of parts is XML, though curl calls it a form. Source: S3 API reference, CompleteMultipartUpload."""
    s3 = account.client("s3", config=Config(signature_version="s3v4"))
    upload = {"Bucket": bucket, "Key": "k"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    etag = s3.upload_part(**upload, PartNumber=1, Body=b"part")["ETag"]
    part = f"<Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part>"
    body = f"<CompleteMultipartUpload>{part}</CompleteMultipartUpload>".encode()

    url = s3.generate_presigned_url("complete_multipart_upload", upload)
    with urlopen(Request(url, body, {"Content-Type": "application/x-www-form-urlencoded"})) as answer:  # noqa: S310 (the account's own URL)
        assert answer.status == 200

    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"part"


def test_an_upload_in_parts_is_joined_in_order(aws: Callable[[str], Any], bucket: str, tmp_path: Path) -> None:
    """upload_file in three parts, download_file by ranges, copies included; the ETag says how many parts there were.

    Source: S3 user guide, "Uploading and copying objects using multipart upload".
    """
    content = os.urandom(17 * _MB)
    (tmp_path / "up").write_bytes(content)
    parts = TransferConfig(multipart_threshold=8 * _MB, multipart_chunksize=8 * _MB)

    aws("s3").upload_file(str(tmp_path / "up"), bucket, "joined", Config=parts)
    aws("s3").copy_object(Bucket=bucket, Key="copied", CopySource=f"{bucket}/joined")
    aws("s3").download_file(bucket, "copied", str(tmp_path / "down"), Config=parts)

    head = aws("s3").head_object(Bucket=bucket, Key="joined")
    assert (tmp_path / "down").read_bytes() == content
    assert (head["ContentLength"], head["ETag"].strip('"')[-2:]) == (len(content), "-3")


def test_the_account_hardly_grows_by_a_large_object(
    account: RunningAccount, aws: Callable[[str], Any], bucket: str, tmp_path: Path
) -> None:
    """120 MB go in and out in one piece; the account's memory grows by less than a third of that."""
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(120 * _MB)
    process = psutil.Process(account.info.pid)
    before = process.memory_info().rss

    with (tmp_path / "sparse").open("rb") as body:
        aws("s3").put_object(Bucket=bucket, Key="sparse", Body=body)
    size = sum(len(block) for block in aws("s3").get_object(Bucket=bucket, Key="sparse")["Body"].iter_chunks(_MB))
    after = process.memory_info().rss
    aws("s3").delete_object(Bucket=bucket, Key="sparse")

    assert size == 120 * _MB
    assert after - before < 40 * _MB


def test_a_download_in_ranges_takes_the_memory_of_its_blocks(
    account: RunningAccount, aws: Callable[[str], Any], bucket: str, tmp_path: Path
) -> None:
    """download_file asks for each range with If-Match; none of them makes the account read the whole object."""
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(120 * _MB)
    aws("s3").upload_file(str(tmp_path / "sparse"), bucket, "ranges")
    before = _peak_bytes(account)

    aws("s3").download_file(bucket, "ranges", str(tmp_path / "down"))
    whole = aws("s3").get_object(Bucket=bucket, Key="ranges")
    num_read = sum(len(block) for block in whole["Body"].iter_chunks(_MB))

    assert (tmp_path / "down").stat().st_size == num_read == 120 * _MB
    assert _peak_bytes(account) - before < 60 * _MB


def _peak_bytes(account: RunningAccount) -> int:
    """Return the most memory that the account's process has had so far."""
    status = Path(f"/proc/{account.info.pid}/status")
    if not status.exists():
        pytest.skip("only Linux says how much memory a process has had at most")
    return next(int(line.split()[1]) << 10 for line in status.read_text().splitlines() if line.startswith("VmHWM:"))


def test_another_object_than_the_expected_one_is_refused(aws: Callable[[str], Any], bucket: str) -> None:
    """If-Match with another ETag is 412, with the object's own it passes, in ranges as well.

    Source: S3 API reference, GetObject: If-Match.
    """
    etag = aws("s3").put_object(Bucket=bucket, Key="k", Body=b"0123")["ETag"]

    with pytest.raises(aws("s3").exceptions.ClientError, match="PreconditionFailed"):
        aws("s3").get_object(Bucket=bucket, Key="k", IfMatch='"other"', Range="bytes=0-1")

    assert aws("s3").get_object(Bucket=bucket, Key="k", IfMatch=etag, Range="bytes=1-2")["Body"].read() == b"12"


def test_listing_versions_of_a_large_object_leaves_it_whole(aws: Callable[[str], Any], bucket: str) -> None:
    """moto lists copies; what a copy is done with still belongs to the object."""
    aws("s3").put_object(Bucket=bucket, Key="k", Body=b"1" * LARGE_BYTES)

    versions = aws("s3").list_object_versions(Bucket=bucket)["Versions"]

    assert [version["Size"] for version in versions] == [LARGE_BYTES]
    assert aws("s3").get_object(Bucket=bucket, Key="k")["Body"].read() == b"1" * LARGE_BYTES


def test_listing_versions_leaves_small_objects_whole(aws: Callable[[str], Any], bucket: str) -> None:
    """What is listed tells the MD5 of the content, which can be read as before."""
    aws("s3").put_object(Bucket=bucket, Key="k", Body=b"content")

    for _ in range(2):
        (version,) = aws("s3").list_object_versions(Bucket=bucket)["Versions"]

    assert version["ETag"].strip('"') == hashlib.md5(b"content", usedforsecurity=False).hexdigest()
    assert aws("s3").get_object(Bucket=bucket, Key="k")["Body"].read() == b"content"


def test_contents_that_are_replaced_or_deleted_leave_the_disk(
    account: RunningAccount, aws: Callable[[str], Any], bucket: str
) -> None:
    """A file goes with the object it belonged to."""
    folder = account.folder / "work" / "s3"
    before = set(folder.iterdir())
    aws("s3").put_object(Bucket=bucket, Key="k", Body=b"1" * LARGE_BYTES)
    first = set(folder.iterdir()) - before
    aws("s3").put_object(Bucket=bucket, Key="k", Body=b"2" * LARGE_BYTES)
    second = set(folder.iterdir()) - before

    aws("s3").delete_object(Bucket=bucket, Key="k")

    assert len(first) == len(second) == 1
    assert first != second
    assert set(folder.iterdir()) - before == set()


def test_a_disk_that_keeps_gives_up_files_with_the_next_sweep(tmp_path: Path) -> None:
    """Until what refers to a file has been saved without it, it stays."""
    disk = Disk(tmp_path, keeps=True)
    buffer = disk.buffer(b"small")

    buffer.close()

    assert buffer.exists()
    assert [path.read_bytes() for path in disk.doomed()] == [b"small"]
    assert disk.doomed() == []
