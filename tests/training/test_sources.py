"""--data as a folder, an archive or an S3 URI: the same images, and nothing written elsewhere."""

import io
import os
import shutil
import stat
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import embedded_account
from tests.datasets.shapes import case_named
from tests.datasets.ways import zipped
from training import train
from training.errors import ConfigError, DatasetError
from training.listing import splits_of_folder
from training.sources import local_folder

FAST = ["--model-name=mobilenet_v3_small", "--weights=none", "--image-size=32", "--epochs=1", "--batch-size=8"]


def ignore(line: str) -> None:
    """Say nothing."""


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def images(folder: Path) -> dict[str, bytes]:
    """Return what training would read of `folder`, by the path below what wraps it."""
    listings = splits_of_folder(folder, 0.15, 0.15, 0).values()
    return {sample.relative_path: sample.path.read_bytes() for listing in listings for sample in listing.samples}


def pack(folder: Path, target: Path, top: str = "") -> Path:
    """Write `folder` as an archive of the kind that the name of `target` says."""
    if target.suffix == ".zip":
        with zipfile.ZipFile(target, "w") as archive:
            for name, content in files(folder).items():
                archive.writestr(top + name, content)
    else:
        with tarfile.open(target, "w:gz" if target.name.endswith("gz") else "w") as archive:
            archive.add(folder, top or ".")
    return target


def test_folder_is_used_where_it_lies(image_folder: Path) -> None:
    """Nothing is copied."""
    with local_folder(str(image_folder), None, ignore) as folder:
        assert folder == image_folder


@pytest.mark.parametrize("name", ["photos.zip", "photos.tar", "photos.tar.gz", "photos.tgz"])
@pytest.mark.parametrize("top", ["", "wrapped/twice/"])
def test_archive_gives_the_folder_that_was_packed(image_folder: Path, tmp_path: Path, name: str, top: str) -> None:
    """Folders around the splits are looked through; what was unpacked goes away afterwards."""
    archive = pack(image_folder, tmp_path / name, top)

    with local_folder(str(archive), None, ignore) as folder:
        unpacked = images(folder)

    assert unpacked == files(image_folder)
    assert not folder.exists()


def hostile(kind: str) -> tuple[str, bytes]:
    """Return the name and bytes of an archive that would write where it must not, or without end."""
    buffer = io.BytesIO()
    if kind in ("zip-link", "zip-climbs", "zip-bomb"):
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as bundle:
            info = zipfile.ZipInfo("../out.jpg" if kind == "zip-climbs" else "a/1.jpg")
            if kind == "zip-link":
                info.external_attr = (stat.S_IFLNK | 0o777) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            bundle.writestr(info, bytes(30_000_000) if kind == "zip-bomb" else b"/etc/passwd")
        return "x.zip", buffer.getvalue()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        types = {"link": tarfile.SYMTYPE, "hard-link": tarfile.LNKTYPE, "device": tarfile.CHRTYPE}
        member = tarfile.TarInfo("/tmp/out.jpg" if kind == "absolute" else "../out.jpg")  # noqa: S108 - the attack
        if kind in types:
            member = tarfile.TarInfo("a/1.jpg")
            member.type, member.linkname = types[kind], "../../out.jpg"
        archive.addfile(member, io.BytesIO())
    return "x.tar.gz", buffer.getvalue()


HOSTILE = ("climbs", "absolute", "link", "hard-link", "device", "zip-climbs", "zip-link", "zip-bomb")


@pytest.mark.parametrize("kind", HOSTILE)
def test_archive_never_writes_outside_its_folder(tmp_path: Path, kind: str) -> None:
    """Refused in one sentence by name; nothing appears beside it."""
    name, content = hostile(kind)
    (tmp_path / name).write_bytes(content)

    with pytest.raises(DatasetError, match=r"points outside|is no regular file|unpacks to more than"):
        local_folder(str(tmp_path / name), None, ignore).__enter__()

    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_truncated_archive_is_refused(image_folder: Path, tmp_path: Path) -> None:
    """The sentence says to pack it again."""
    archive = pack(image_folder, tmp_path / "photos.tar.gz")
    archive.write_bytes(archive.read_bytes()[:-100])

    with pytest.raises(DatasetError, match=r"'photos.tar.gz' cannot be read: .*; pack and upload it again"):
        local_folder(str(archive), None, ignore).__enter__()


def test_missing_archive_is_named(tmp_path: Path) -> None:
    """As a missing folder is."""
    with pytest.raises(DatasetError, match=r"'.*nowhere.zip' cannot be unpacked: No such file"):
        local_folder(str(tmp_path / "nowhere.zip"), None, ignore).__enter__()


def test_s3_without_boto3_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """boto3 is imported only when it is asked for."""
    monkeypatch.setitem(sys.modules, "boto3", None)

    with pytest.raises(ConfigError, match="'s3://bucket/x/' is in S3, and boto3 is not installed; pip install boto3"):
        local_folder("s3://bucket/x/", None, ignore).__enter__()


@pytest.fixture
def bucket(account: Any, aws: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """A bucket of the embedded account, which the environment points to."""
    for name, value in embedded_account.client_environment(account.info).items():
        monkeypatch.setenv(name, value)
    name = "training-sources"
    aws("s3").create_bucket(Bucket=name)
    return name


def upload(s3: Any, bucket: str, prefix: str, folder: Path) -> None:
    for name, content in files(folder).items():
        s3.put_object(Bucket=bucket, Key=prefix + name, Body=content)


@pytest.mark.slow
def test_s3_uri_trains_as_the_folder_does(
    bucket: str, aws: Callable[[str], Any], image_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A prefix and an archive in S3 lead to the metrics of the folder; what is kept is not fetched again."""
    s3 = aws("s3")
    upload(s3, bucket, "sets/photos/", image_folder)
    s3.put_object(Bucket=bucket, Key="sets/photos/../x.jpg", Body=b"outside")
    s3.put_object(Bucket=bucket, Key="sets/photos.zip", Body=pack(image_folder, tmp_path / "photos.zip").read_bytes())

    def metrics(data: str) -> tuple[str, str]:
        flags = [*FAST, "--precision=fp32", "--save-model=false", f"--data={data}", f"--model-dir={tmp_path / 'out'}"]
        code = train.main([*flags, f"--download-dir={tmp_path / 'kept'}"], os.environ)
        printed = capsys.readouterr().out
        assert code == 0, printed
        return printed, "".join(line for line in printed.splitlines() if line.startswith(("best_", "test_loss")))

    expected = metrics(str(image_folder))[1]
    first, from_prefix = metrics(f"s3://{bucket}/sets/photos/")
    changed = image_folder / "train" / "red" / "0.jpg"
    s3.put_object(Bucket=bucket, Key="sets/photos/train/red/0.jpg", Body=changed.read_bytes() + b" ")
    s3.delete_object(Bucket=bucket, Key="sets/photos/train/red/1.jpg")
    second, _ = metrics(f"s3://{bucket}/sets/photos")
    shutil.rmtree(tmp_path / "kept")

    assert from_prefix == expected
    assert metrics(f"s3://{bucket}/sets/photos.zip")[1] == expected
    assert "downloaded 48 of 48 objects" in first
    assert "set aside 'sets/photos/../x.jpg'" in first
    assert "downloaded 1 of 47 objects" in second
    assert "on 23 images" in second


def test_s3_failures_are_sentences(bucket: str) -> None:
    """No such bucket, and nothing below the prefix."""
    with pytest.raises(DatasetError, match=r"'s3://no-such-bucket-here/x/' cannot be read: .*NoSuchBucket.*s3:List"):
        local_folder("s3://no-such-bucket-here/x/", None, ignore).__enter__()
    with pytest.raises(DatasetError, match=f"no objects below 's3://{bucket}/empty/'"):
        local_folder(f"s3://{bucket}/empty/", None, ignore).__enter__()


def test_labels_of_a_table_come_out_of_an_archive(tmp_path: Path) -> None:
    """The table is unpacked beside the pictures that it names."""
    (tmp_path / "photos.zip").write_bytes(zipped(case_named("Hugging Face metadata.csv").files()))

    with local_folder(str(tmp_path / "photos.zip"), None, ignore) as folder:
        listings = splits_of_folder(folder, 0.15, 0.15, 0)

    classes = {sample.relative_path: sample.class_name for one in listings.values() for sample in one.samples}
    assert classes == {f"train/{i}.jpg": ("rose", "tulip")[i % 2] for i in range(6)}
