"""Records of runs: a folder on disk is held to one, and pictures come back from the bucket's versions."""

import hashlib
import io
from collections.abc import Callable
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


@pytest.mark.usefixtures("bucket")
def test_picture_without_a_version_is_named(session: Session) -> None:
    """As where the bucket has forgotten it."""
    outcome = restoring.restore(session, record_of({"daisy/1.png": b"older", "rose/1.png": png(3)}), ".", None)

    assert (outcome.unchanged, outcome.gone) == (["rose/1.png"], ["daisy/1.png"])


@pytest.mark.usefixtures("bucket")
def test_page_shows_pictures_that_are_gone_from_the_bucket(session: Session, tmp_path: Path) -> None:
    """Of their versions; a file that is no picture has a blank."""
    after = record_of({"daisy/1.png": b"another", "rose/1.png": png(3)})
    kinds = differences(RECORD.pictures, after.pictures).kinds()

    page = changes_page.write(session, RECORD, after, kinds, tmp_path / "page.html").read_text()

    assert (page.count("data:image/jpeg;base64,"), page.count("no version is kept")) == (1, 1)
    assert "daisy/2.png" in page
    assert_self_contained(page)
