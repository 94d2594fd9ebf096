"""What counts as an image dataset before it is uploaded."""

import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from ops.datasets import on_disk
from ops.datasets.on_disk import check_archive, check_folder, read_folder
from ops.errors import UploadError

ImageFolders = Callable[..., Path]


def several(*folders: str, count: int = 3) -> list[str]:
    """Return the names of `count` pictures in each folder."""
    return [f"{folder}/{number}.png" for folder in folders for number in range(count)]


@pytest.mark.parametrize(
    "names",
    [
        several("train/rose", "train/tulip", "test/rose"),
        several("rose", "tulip"),
        several("flowers/rose", "flowers/tulip"),
    ],
)
def test_folder_with_classes_is_accepted(image_folder: ImageFolders, names: list[str]) -> None:
    """Splits are optional, and one folder may be wrapped round everything."""
    assert sorted(check_folder(image_folder(*names)).files) == sorted(names)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "has no class folders and no files"),
        (["1.png", "2.png"], r"has no class folders \(2 files set aside\)"),
        (several("rose"), "has one class, 'rose'"),
        (several("train/rose", "test/tulip"), "class 'tulip' has a folder in test/ but none in train/"),
        (several("test/rose", "test/tulip"), "has no class folder in train/"),
        (several("rose", "tulip", count=1), "at least 3 are needed to train on"),
    ],
)
def test_folder_without_classes_is_refused(
    image_folder: ImageFolders, tmp_path: Path, names: list[str], message: str
) -> None:
    """In the sentence that ValidateDataset would end with."""
    (tmp_path / "pictures").mkdir()

    with pytest.raises(UploadError, match=message):
        check_folder(image_folder(*names))


def test_folder_leaves_out_what_is_no_picture(image_folder: ImageFolders) -> None:
    """Hidden files are not looked at, other files are counted, pictures are kept."""
    root = image_folder("rose/1.png", "tulip/1.png")
    (root / "rose" / ".DS_Store").write_bytes(b"x")
    (root / "notes.txt").write_text("x")

    folder = read_folder(root)

    assert list(folder.files) == ["rose/1.png", "tulip/1.png"]
    assert folder.num_skipped == 1


def test_archives_are_looked_through(image_folder: ImageFolders, tmp_path: Path) -> None:
    """A zip and a tar.gz with class folders are accepted."""
    root = image_folder(*several("rose", "tulip"))
    zipped, tarred = tmp_path / "a.zip", tmp_path / "a.tar.gz"
    with zipfile.ZipFile(zipped, "w") as archive:
        for path in root.rglob("*.png"):
            archive.write(path, path.relative_to(tmp_path).as_posix())
    with tarfile.open(tarred, "w:gz") as archive:
        archive.add(root, ".")

    check_archive(zipped)
    check_archive(tarred)


def test_empty_archive_is_refused(tmp_path: Path) -> None:
    """An archive with nothing in it has no pictures."""
    path = tmp_path / "a.zip"
    zipfile.ZipFile(path, "w").close()

    with pytest.raises(UploadError, match="holds no file; expected folders named after classes"):
        check_archive(path)


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz"])
def test_truncated_archive_is_refused(image_folder: ImageFolders, tmp_path: Path, name: str) -> None:
    """Half an archive is named as broken before it is sent anywhere."""
    root, path = image_folder(*several("rose", "tulip")), tmp_path / name
    if name.endswith(".zip"):
        with zipfile.ZipFile(path, "w") as archive:
            archive.write(root / "rose" / "1.png", "rose/1.png")
    else:
        with tarfile.open(path, "w:gz") as archive:
            archive.add(root, ".")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    with pytest.raises(UploadError, match="cannot be read"):
        check_archive(path)


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "x" * 64, "pets-", "pets.", "cats & dogs", "tva\u030a"])
def test_check_refuses_unusable_names(tmp_path: Path, name: str) -> None:
    """A dataset's name becomes part of keys and job names."""
    with pytest.raises(UploadError, match="dataset name"):
        on_disk.check(tmp_path, name)


def test_check_refuses_other_files(tmp_path: Path) -> None:
    """A single picture is not a dataset."""
    (tmp_path / "a.png").write_bytes(b"x")

    with pytest.raises(UploadError, match="expected a folder or an archive"):
        on_disk.check(tmp_path / "a.png", "flowers")


def test_links_to_files_and_folders_are_followed(image_folder: ImageFolders, tmp_path: Path) -> None:
    """As people put a dataset together without copying; a link back to where it lies is left out."""
    root, elsewhere = image_folder(*several("rose")), tmp_path / "elsewhere"
    elsewhere.mkdir()
    for number in range(3):
        (elsewhere / f"{number}.png").write_bytes(b"picture")
    (root / "tulip").symlink_to(elsewhere)
    (root / "rose" / "9.png").symlink_to(elsewhere / "0.png")
    (elsewhere / "back").symlink_to(root)
    (root / "rose" / "self").symlink_to(root / "rose")

    folder = check_folder(root)

    assert [name for name in folder.files if "/back/" not in name] == [
        "rose/0.png", "rose/1.png", "rose/2.png", "rose/9.png", "tulip/0.png", "tulip/1.png", "tulip/2.png",
    ]  # fmt: skip


def test_class_of_links_to_nothing_is_refused(image_folder: ImageFolders) -> None:
    """A class of which nothing is usable never vanishes without a word."""
    root = image_folder(*several("rose", "tulip"))
    (root / "lily").mkdir()
    (root / "lily" / "0.png").symlink_to(root / "gone.png")

    with pytest.raises(UploadError, match="class 'lily' has no usable image to train on"):
        check_folder(root)


def test_check_tells_how_a_folder_is_read(image_folder: ImageFolders) -> None:
    """What was found, and what could have been read otherwise."""
    heard: list[str] = []

    on_disk.check(image_folder(*several("train/rose", "train/tulip", "extra/rose")), "flowers", heard.append)

    assert heard[0] == "read by the folders: 2 classes ('rose', 'tulip'), 6 pictures (train 6); set aside: 3"
    assert heard[1].startswith("not read: 'extra', beside the splits 'train/'")


def test_archive_of_endless_tables_keeps_few_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is held of an archive is bounded, however many tables there are."""
    monkeypatch.setattr(on_disk, "MAX_TABLE_BYTES", 10)
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(3):
            archive.writestr(f"{number}.csv", f"file,{number}\n" * 2)
        archive.writestr("1.jpg", b"picture")

    with pytest.raises(UploadError, match=r"table '1.csv' is not read, since the archive holds too many"):
        check_archive(path)
