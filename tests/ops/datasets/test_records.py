"""Records of runs: a folder on disk is held to one, and pictures come back from the bucket's versions."""

import hashlib
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from datasets.pictures import Picture
from ops.datasets import changes_page, restoring
from ops.datasets.differences import differences
from ops.datasets.records import RunRecord, from_file, verify, write_file
from ops.errors import ExecutionError
from ops.session import Session
from tests.reports.pages import assert_self_contained

BUCKET = "pictures-of-runs"
FOLDER = f"s3://{BUCKET}/datasets/flowers/photos/"
CONTENTS = {"daisy/1.png": 1, "daisy/2.png": 2, "rose/1.png": 3}


def png(shade: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (300, 200), (shade * 60, 90, 30)).save(buffer, "PNG")
    return buffer.getvalue()


def record_of(contents: dict[str, bytes], *, hashed: bool = True) -> RunRecord:
    """The record of a run that was started on `contents`."""
    pictures = {
        path: Picture(
            path,
            path.partition("/")[0],
            "train",
            len(data),
            hashlib.md5(data, usedforsecurity=False).hexdigest(),
            hashlib.sha256(data).hexdigest() if hashed else "",
        )
        for path, data in contents.items()
    }
    return RunRecord("flowers-1", FOLDER, pictures)


RECORD = record_of({path: png(shade) for path, shade in CONTENTS.items()})


def write(folder: Path, top: str = "") -> Path:
    for path, shade in CONTENTS.items():
        (folder / top / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / top / path).write_bytes(png(shade))
    return folder


@pytest.mark.parametrize("top", ["photos", ""])
@pytest.mark.parametrize("hashed", [True, False])
def test_folder_of_the_run_is_told_from_another(tmp_path: Path, top: str, hashed: bool) -> None:
    """With the folders round the pictures or without them; by SHA-256, and by ETag where no job took it."""
    folder = write(tmp_path, top)
    record = record_of({path: png(shade) for path, shade in CONTENTS.items()}, hashed=hashed)

    assert verify(record, folder).is_equal
    (folder / top / "rose/1.png").write_bytes(png(3)[:-1] + b"x")
    (folder / top / "daisy/2.png").rename(folder / top / "daisy/3.png")
    verdict = verify(record, folder)

    assert (verdict.num_equal, verdict.changed) == (1, ["photos/rose/1.png"])
    assert (verdict.missing, verdict.extra) == (["photos/daisy/2.png"], ["photos/daisy/3.png"])
    assert (verdict.by_md5, verdict.by_size) == (0 if hashed else 2, 0)


def test_what_was_sent_in_parts_has_no_md5(tmp_path: Path) -> None:
    """Its ETag is none, so without a SHA-256 its size is all there is, and that is said."""
    picture = Picture("daisy/1.png", "daisy", "train", len(png(1)), f"{'0' * 32}-2")

    verdict = verify(RunRecord("flowers-1", FOLDER, {picture.path: picture}), write(tmp_path, "photos"))

    assert (verdict.num_equal, verdict.by_md5, verdict.by_size) == (1, 0, 1)


def test_record_in_a_file_is_the_record(tmp_path: Path) -> None:
    """So that a folder is verified where there is no AWS."""
    write_file(RECORD, tmp_path / "flowers-1")

    assert from_file(tmp_path / "flowers-1") == RECORD
    (tmp_path / "other").write_text("nothing")
    with pytest.raises(ExecutionError, match="record of 'other': a record of pictures begins with its folder"):
        from_file(tmp_path / "other")


@pytest.fixture
def bucket(session: Session) -> Callable[[str], bytes | None]:
    """Give a look at the bucket; it keeps versions, and somebody has replaced, deleted and left one picture."""
    s3 = session.s3
    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    prefix = "datasets/flowers/photos/"
    for path, shade in CONTENTS.items():
        s3.put_object(Bucket=BUCKET, Key=prefix + path, Body=png(shade))
    s3.put_object(Bucket=BUCKET, Key=f"{prefix}daisy/1.png", Body=b"another")
    s3.delete_object(Bucket=BUCKET, Key=f"{prefix}daisy/2.png")

    def look(path: str) -> bytes | None:
        listed = s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix + path).get("Contents", [])
        return s3.get_object(Bucket=BUCKET, Key=prefix + path)["Body"].read() if listed else None

    return look


def test_pictures_come_back_from_their_versions(session: Session, bucket: Callable[[str], bytes | None]) -> None:
    """The replaced one and the deleted one; the one that is there still is left."""
    outcome = restoring.restore(session, RECORD, ".", None)

    assert (outcome.restored, outcome.unchanged, outcome.gone) == (["daisy/1.png", "daisy/2.png"], ["rose/1.png"], [])
    assert [bucket(path) for path in CONTENTS] == [png(shade) for shade in CONTENTS.values()]
    assert restoring.restore(session, RECORD, ".", None).restored == []


@pytest.mark.usefixtures("bucket")
def test_pictures_come_back_into_a_folder(session: Session, tmp_path: Path) -> None:
    """One picture or a folder of them, and nothing of the bucket changes."""
    assert restoring.restore(session, RECORD, "photos/daisy/", tmp_path).restored == ["daisy/1.png", "daisy/2.png"]

    assert (tmp_path / "daisy/2.png").read_bytes() == png(2)
    with pytest.raises(ExecutionError, match="run 'flowers-1': had no picture 'lily'"):
        restoring.restore(session, RECORD, "lily", tmp_path)


def test_nothing_is_put_back_into_an_archive(session: Session, tmp_path: Path) -> None:
    """The next run would read the archive and not the unpacked copy; a folder of its pictures is given."""
    staged = f"staged/flowers/{'0' * 64}/photos/"
    record = replace(RECORD, folder=f"s3://{BUCKET}/{staged}")
    session.s3.create_bucket(Bucket=BUCKET)
    session.s3.put_object(Bucket=BUCKET, Key=f"{staged}daisy/1.png", Body=png(1))

    with pytest.raises(ExecutionError, match=r"read an archive.* `deploy.py upload FOLDER --dataset flowers`"):
        restoring.restore(session, record, "daisy", None)

    assert restoring.restore(session, record, "photos/daisy/1.png", tmp_path).restored == ["daisy/1.png"]


@pytest.mark.usefixtures("bucket")
def test_picture_without_a_version_is_named(session: Session) -> None:
    """As where the bucket has forgotten it."""
    outcome = restoring.restore(session, record_of({"daisy/1.png": b"older", "rose/1.png": png(3)}), ".", None)

    assert (outcome.unchanged, outcome.gone) == (["rose/1.png"], ["daisy/1.png"])


@pytest.mark.usefixtures("bucket")
def test_a_picture_comes_back_from_under_all_that_came_after(
    session: Session, bucket: Callable[[str], bytes | None]
) -> None:
    """Deleted, put again as something else, replaced twice and deleted again: the run's own bytes are found."""
    key = "datasets/flowers/photos/daisy/2.png"
    for body in (b"one", b"two"):
        session.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    session.s3.delete_object(Bucket=BUCKET, Key=key)

    assert restoring.restore(session, RECORD, "daisy/2.png", None).restored == ["daisy/2.png"]

    assert bucket("daisy/2.png") == png(2)


@pytest.mark.usefixtures("bucket")
def test_what_expired_is_gone(session: Session) -> None:
    """The lifecycle has removed the version; nothing that came later is taken for it."""
    key = "datasets/flowers/photos/daisy/1.png"
    versions = session.s3.list_object_versions(Bucket=BUCKET, Prefix=key)["Versions"]
    oldest = next(version for version in versions if not version["IsLatest"])
    session.s3.delete_object(Bucket=BUCKET, Key=key, VersionId=oldest["VersionId"])

    outcome = restoring.restore(session, RECORD, ".", None)

    assert (outcome.restored, outcome.gone) == (["daisy/2.png"], ["daisy/1.png"])


def test_without_versions_what_is_gone_is_told(session: Session, tmp_path: Path) -> None:
    """A bucket that never kept any has one of each object, which is called null."""
    session.s3.create_bucket(Bucket=BUCKET)
    session.s3.put_object(Bucket=BUCKET, Key="datasets/flowers/photos/daisy/1.png", Body=png(1))
    session.s3.put_object(Bucket=BUCKET, Key="datasets/flowers/photos/rose/1.png", Body=b"another")

    outcome = restoring.restore(session, RECORD, ".", None)
    copied = restoring.restore(session, RECORD, ".", tmp_path)

    assert (outcome.unchanged, outcome.gone) == (["daisy/1.png"], ["daisy/2.png", "rose/1.png"])
    assert copied.restored == ["daisy/1.png"]
    assert (tmp_path / "daisy/1.png").read_bytes() == png(1)


@pytest.mark.usefixtures("bucket")
def test_page_shows_pictures_that_are_gone_from_the_bucket(session: Session, tmp_path: Path) -> None:
    """Of their versions; a file that is no picture has a blank."""
    after = record_of({"daisy/1.png": b"another", "rose/1.png": png(3)})
    kinds = differences(RECORD.pictures, after.pictures).kinds()

    page = changes_page.write(session, RECORD, after, kinds, tmp_path / "page.html").read_text()

    assert (page.count("data:image/jpeg;base64,"), page.count("no version is kept")) == (1, 1)
    assert "daisy/2.png" in page
    assert_self_contained(page)
