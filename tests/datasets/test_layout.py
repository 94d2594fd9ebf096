"""datasets/layout.py: every object is an image of a class, or set aside with a reason."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.layout import File, read_layout
from datasets.limits import IMAGE_SUFFIXES, MAX_IMAGE_BYTES
from datasets.names import class_of
from datasets.paths import file_problem


def files(*paths, size=1):
    return [File(path, size, f"etag-{path}") for path in paths]


def placed(*paths):
    layout = read_layout(files(*paths))
    return {(image.path, image.split, image.class_name) for image in layout.images}, {
        entry.path: entry.reason for entry in layout.set_aside
    }


def test_splits_are_known_by_several_names():
    """valid, validation and val are one split, in any case; the class is the parent folder's name."""
    images, aside = placed("train/a/1.jpg", "VALID/a/2.png", "val/a/3.gif", "validation/b/4.webp", "Test/b/5.JPEG")

    assert images == {
        ("train/a/1.jpg", "train", "a"),
        ("VALID/a/2.png", "validation", "a"),
        ("val/a/3.gif", "validation", "a"),
        ("validation/b/4.webp", "validation", "b"),
        ("Test/b/5.JPEG", "test", "b"),
    }
    assert aside == {}


def test_without_splits_the_folders_are_classes():
    """CLASS/FILE is enough."""
    images, _ = placed("a/1.jpg", "b/2.jpg")

    assert images == {("a/1.jpg", "", "a"), ("b/2.jpg", "", "b")}


def test_a_class_may_be_called_test():
    """Without a third level, train and test are class names like others."""
    images, _ = placed("test/1.jpg", "other/2.jpg")

    assert images == {("test/1.jpg", "", "test"), ("other/2.jpg", "", "other")}


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("train/a/notes.txt", f"not an image by its name; expected {', '.join(IMAGE_SUFFIXES)}"),
        ("train/a/.DS_Store", "hidden or system file"),
        ("__MACOSX/train/a/._1.jpg", "hidden or system file"),
        ("train/1.jpg", "not inside a class folder"),
        ("1.jpg", "not inside one of train, valid, validation, val, test"),
        ("extra/a/1.jpg", "not inside one of train, valid, validation, val, test"),
        ("train/a/b/1.jpg", "deeper than a class folder"),
        ("train/../a/1.jpg", "unsafe path"),
        ("train//a.jpg", "unsafe path"),
        ("train/a\\1.jpg", "unsafe path"),
    ],
)
def test_other_files_are_set_aside_with_a_reason(path, reason):
    """Nothing is dropped without a word."""
    images, aside = placed("train/a/good.jpg", path)

    assert images == {("train/a/good.jpg", "train", "a")}
    assert aside == {path: reason}


@pytest.mark.parametrize(("size", "reason"), [(0, "zero bytes"), (MAX_IMAGE_BYTES + 1, "larger than 33554432 bytes")])
def test_sizes_out_of_range_are_set_aside(size, reason):
    """An empty file is no image; a huge one is none either."""
    assert file_problem("a/1.jpg", size) == reason


def test_folder_markers_name_classes_without_images():
    """A console makes an empty folder an object of its own."""
    layout = read_layout(files("train/a/1.jpg", "train/empty/"))

    assert layout.folders == {"train": {"a", "empty"}}
    assert layout.set_aside == []


@given(st.lists(st.text(min_size=1), unique=True))
def test_no_object_is_lost(keys):
    """Each object is an image, set aside, or a folder marker; never two of them."""
    layout = read_layout(files(*keys))

    paths = [image.path for image in layout.images] + [entry.path for entry in layout.set_aside]
    assert sorted(paths + [key for key in keys if key.endswith("/") and key not in paths]) == sorted(keys)


@given(st.lists(st.text(min_size=1), unique=True))
def test_images_keep_their_path_on_a_disk(keys):
    """What a training job writes below its channel's folder is what the manifest says."""
    for image in read_layout(files(*keys)).images:
        parts = image.path.split("/")
        assert "" not in parts
        assert not {".", ".."} & set(parts)
        assert class_of(parts[-2]) == image.class_name


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["flowers/train/a/1.jpg", "flowers/test/a/2.jpg"], "flowers/"),
        (["x/flowers/train/a/1.jpg", "x/flowers/test/a/2.jpg"], "x/flowers/"),
        (["flowers/a/1.jpg", "flowers/b/2.jpg"], "flowers/"),
        (["a/1.jpg", "a/2.jpg"], ""),
        (["train/a/1.jpg", "train/b/2.jpg"], ""),
        (["train/a/1.jpg", "test/b/2.jpg"], ""),
        ([], ""),
    ],
)
def test_top_is_a_wrapper_only(paths, expected):
    """The folder that an archive was packed with goes; splits and classes stay."""
    assert read_layout(files(*paths)).top == expected
