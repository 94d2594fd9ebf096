"""training/unpack.py: the job that unpacks an archive leaves what a function leaves, and says the same of a bad one."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import embedded_account
from tests.datasets.ways import zipped
from training import objects, unpack
from training.objects import ObjectFile, ObjectFolder

pytestmark = pytest.mark.account

FILES = {f"rose/{number}.jpg": b"picture %d" % number for number in range(40)}
BUCKET = "unpacking"
FOLDER = f"s3://{BUCKET}/staged/flowers/0/"


@pytest.fixture(scope="module")
def s3(aws: Callable[[str], Any]) -> Any:
    """Give S3 of the embedded account, with a bucket."""
    client = aws("s3")
    client.create_bucket(Bucket=BUCKET)
    return client


@pytest.fixture
def failure(account: Any, s3: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Let a job here see the account as one on an instance does; give the file in which it says why it failed."""
    for name, value in embedded_account.client_environment(account.info).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SM_OUTPUT_DIR", str(tmp_path))
    for key in keys(s3):
        s3.delete_object(Bucket=BUCKET, Key=key)
    return tmp_path / "failure"


def keys(s3: Any, prefix: str = "") -> list[str]:
    listed = s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix)
    return [entry["Key"].removeprefix(prefix) for entry in listed.get("Contents", [])]


def job(s3: Any, content: bytes) -> list[str]:
    """Upload an archive; return the arguments of the job that unpacks it."""
    etag = s3.put_object(Bucket=BUCKET, Key="datasets/flowers.zip", Body=content)["ETag"].strip('"')
    values = {"archive_s3_uri": f"s3://{BUCKET}/datasets/flowers.zip", "archive_etag": etag, "folder_s3_uri": FOLDER}
    return [word for name, value in values.items() for word in (f"--{name}", value)]


def test_files_and_marker_are_those_of_a_function(s3: Any, failure: Path) -> None:
    """Pictures with their bytes, and what was set aside with its reason."""
    assert unpack.main(job(s3, zipped({**FILES, "rose/notes.doc": b"n"}))) == 0

    prefix = "staged/flowers/0/"
    assert keys(s3, prefix) == sorted([*FILES, "_SUCCESS"])
    assert s3.get_object(Bucket=BUCKET, Key=f"{prefix}rose/7.jpg")["Body"].read() == b"picture 7"
    marker = json.load(s3.get_object(Bucket=BUCKET, Key=f"{prefix}_SUCCESS")["Body"])
    assert marker["num_files"] == len(FILES)
    assert [path for path, _ in marker["set_aside"]] == ["rose/notes.doc"]
    assert not failure.exists()


def test_second_job_puts_what_is_missing_alone(s3: Any, failure: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after a spot interruption: what is there is neither read nor put again."""
    arguments = job(s3, zipped(FILES))
    puts: list[str] = []
    put = ObjectFolder.put

    def interrupted(folder: ObjectFolder, path: str, content: bytes) -> None:
        if len(puts) == 15:
            raise OSError("the instance is gone")
        puts.append(path)
        put(folder, path, content)

    def noted(folder: ObjectFolder, path: str, content: bytes) -> None:
        puts.append(path)
        put(folder, path, content)

    monkeypatch.setattr(unpack, "_THREADS", 1)
    monkeypatch.setattr(ObjectFolder, "put", interrupted)
    assert unpack.main(arguments) == 1
    monkeypatch.setattr(ObjectFolder, "put", noted)

    assert unpack.main(arguments) == 0
    assert sorted(puts) == sorted([*FILES, "_SUCCESS"])


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "DatasetError: archive 'datasets/flowers.zip' cannot be read: it has 0 bytes; upload it again"),
        (
            zipped({"../x.jpg": b"1"}),
            "DatasetError: archive 'datasets/flowers.zip': path '../x.jpg' points outside the dataset; "
            "expected CLASS/FILE or SPLIT/CLASS/FILE",
        ),
    ],
    ids=["empty", "escape"],
)
def test_bad_archive_is_named_as_a_function_names_it(s3: Any, failure: Path, content: bytes, sentence: str) -> None:
    """The class that the state fails with, and the words."""
    assert unpack.main(job(s3, content)) == 1

    assert failure.read_text() == sentence
    assert "_SUCCESS" not in keys(s3, "staged/flowers/0/")


def test_replaced_archive_is_noticed(s3: Any, failure: Path) -> None:
    """The job reads the content that its execution was started for, or nothing."""
    arguments = job(s3, zipped(FILES))
    s3.put_object(Bucket=BUCKET, Key="datasets/flowers.zip", Body=zipped({"other/1.jpg": b"1"}))

    assert unpack.main(arguments) == 1
    uri = f"s3://{BUCKET}/datasets/flowers.zip"
    changed = f"DatasetChangedError: object {uri!r} changed while it was read; upload it once more"
    assert failure.read_text() == changed


def test_broken_body_is_asked_for_again(s3: Any, failure: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An archive of hours is thousands of ranges, and a connection may break in any."""
    from botocore.exceptions import IncompleteReadError

    content = zipped(FILES)
    uri, etag = job(s3, content)[1:4:2]
    file, reads = ObjectFile(uri, etag), list[int]()
    read = ObjectFile._read

    def broken(self: ObjectFile, first: int, last: int) -> bytes:
        reads.append(first)
        if len(reads) < objects._TRIES:
            raise IncompleteReadError(actual_bytes=1, expected_bytes=2)
        return read(self, first, last)

    monkeypatch.setattr(ObjectFile, "_read", broken)

    assert file.read() == content
    assert reads == [0] * objects._TRIES
