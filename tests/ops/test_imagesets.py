"""What counts as an image dataset before it is uploaded."""

import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from handlers.datasets import layout
from ops import imagesets
from ops.errors import UploadError
from ops.imagesets import check_archive, read_folder


@pytest.mark.parametrize(
    "names",
    [
        ("train/rose/1.png", "train/tulip/1.png", "test/rose/2.png"),
        ("rose/1.png", "tulip/1.png"),
        ("flowers/rose/1.png", "flowers/tulip/1.png"),
    ],
)
def test_folder_with_classes_is_accepted(image_folder: Callable[..., Path], names: tuple[str, ...]) -> None:
    """Splits are optional, and one folder may be wrapped round everything."""
    assert sorted(read_folder(image_folder(*names)).files) == sorted(names)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ((), "has no pictures"),
        (("1.png", "2.png"), "'1.png' is in no class folder"),
        (("rose/1.png",), "has one class, 'rose'"),
        (("train/rose/1.png", "test/tulip/1.png"), "has one class, 'rose'"),
        (("test/rose/1.png", "test/tulip/1.png"), "has no pictures in train/CLASS/"),
    ],
)
def test_folder_without_classes_is_refused(
    image_folder: Callable[..., Path], tmp_path: Path, names: tuple[str, ...], message: str
) -> None:
    """The sentence says what was found instead of class folders."""
    (tmp_path / "pictures").mkdir()

    with pytest.raises(UploadError, match=message):
        read_folder(image_folder(*names))


def test_folder_leaves_out_what_is_no_picture(image_folder: Callable[..., Path]) -> None:
    """Hidden files are not looked at, other files are counted, pictures are kept."""
    root = image_folder("rose/1.png", "tulip/1.png")
    (root / "rose" / ".DS_Store").write_bytes(b"x")
    (root / "notes.txt").write_text("x")

    found = read_folder(root)

    assert list(found.files) == ["rose/1.png", "tulip/1.png"]
    assert found.num_skipped == 1


def test_archives_are_looked_through(image_folder: Callable[..., Path], tmp_path: Path) -> None:
    """A zip and a tar.gz with class folders are accepted."""
    root = image_folder("rose/1.png", "tulip/1.png")
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

    with pytest.raises(UploadError, match="has no pictures"):
        check_archive(path)


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz"])
def test_truncated_archive_is_refused(image_folder: Callable[..., Path], tmp_path: Path, name: str) -> None:
    """Half an archive is named as broken before it is sent anywhere."""
    root, path = image_folder("rose/1.png", "tulip/1.png"), tmp_path / name
    if name.endswith(".zip"):
        with zipfile.ZipFile(path, "w") as archive:
            archive.write(root / "rose" / "1.png", "rose/1.png")
    else:
        with tarfile.open(path, "w:gz") as archive:
            archive.add(root, ".")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    with pytest.raises(UploadError, match="cannot be read to its end"):
        check_archive(path)


def test_upload_and_validation_know_the_same_files() -> None:
    """What deploy.py uploads is what ValidateDataset reads: same suffixes, same names of splits."""
    assert frozenset(layout.IMAGE_SUFFIXES) == imagesets.IMAGE_SUFFIXES
    assert frozenset(layout.SPLITS) == imagesets.SPLITS
