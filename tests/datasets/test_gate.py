"""datasets/gate.py: a dataset that cannot be trained on is refused in a sentence that says what to do."""

import pytest

from datasets.errors import DatasetError
from datasets.gate import check_layout, check_unusable, warnings
from datasets.layout import File, Image, Images, read_layout


def layout(**classes):
    """Return a layout from counts by folder, "train__a" standing for train/a."""
    files = []
    for name, count in classes.items():
        folder = name.replace("__", "/")
        files += [File(f"{folder}/{i}.jpg", 1, f"{folder}{i}") for i in range(count)]
        files += [] if count else [File(f"{folder}/", 0, "")]
    return read_layout(files)


def refused(message, min_images=2, **classes):
    with pytest.raises(DatasetError, match=message):
        check_layout(layout(**classes), "flowers", min_images)


def test_class_names_are_sorted():
    """The class index is the place in that list."""
    assert check_layout(layout(train__b=3, train__a=3, train__C=3), "flowers", 2) == ["C", "a", "b"]


def test_no_files_are_refused():
    """A _SUCCESS with nothing."""
    refused(r"dataset 'flowers' has no class folders and no files; expected SPLIT/CLASS/FILE or CLASS/FILE with .jpg")


def test_files_without_folders_are_refused():
    """Images directly in the dataset's folder have no class."""
    with pytest.raises(DatasetError, match=r"has no class folders \(1 files set aside\)"):
        check_layout(read_layout([File("1.jpg", 1, "e")]), "flowers", 2)


def test_splits_without_class_folders_are_refused():
    """train/1.jpg is not a class called train."""
    refused("has no class folders", train=3, test=3)


def test_dataset_without_train_is_refused():
    """There is nothing to learn from in test alone."""
    refused(r"has no class folder in train/", test__a=3, test__b=3)


def test_one_class_is_refused():
    """One class needs no classifier."""
    refused("has one class, 'a'; at least 2 classes are needed", train__a=9)


def test_empty_class_is_refused_by_name():
    """A class without images would shift the indices of the others."""
    refused("class 'rose' has no usable image to train on; add some", train__a=3, train__rose=0)


def test_class_whose_files_are_no_images_is_refused_by_name():
    """The files are set aside, the class is named."""
    files = [File(f"train/a/{i}.jpg", 1, str(i)) for i in range(4)] + [File("train/rose/x.psd", 1, "e")]

    with pytest.raises(DatasetError, match=r"class 'rose' has no usable image .* with .jpg, .jpeg, .png"):
        check_layout(read_layout(files), "flowers", 2)


def test_small_class_is_refused_by_name():
    """The smallest is named with its count."""
    refused(r"class 'b' has too few images \('b' has 3\); at least 5 are needed", 5, train__a=9, train__b=3)


def test_made_splits_need_an_image_each():
    """Whatever the minimum is, a class must fill train and the splits that are made."""
    refused("at least 3 are needed", 1, a=2, b=9)


def test_class_unknown_to_train_is_refused():
    """A model never says a class that it did not learn."""
    refused(
        "class 'c' has a folder in test/ but none in train/; add images",
        train__a=9,
        train__b=9,
        test__c=1,
    )


def test_many_classes_are_counted_not_listed():
    """Ten thousand names make no sentence."""
    refused(r"classes 'c00', 'c01', 'c02', 'c03', 'c04' and 15 more have too few", **{f"c{i:02}": 1 for i in range(20)})


def test_warnings_name_what_a_split_lacks_and_shares():
    """A class without test images, and equal bytes in two splits, are reported but no reason to refuse."""
    rows = [
        Image("train/a/1.jpg", "a", "train", "same"),
        Image("test/a/1.jpg", "a", "test", "same"),
        Image("train/b/1.jpg", "b", "train", "other"),
        Image("validation/a/1.jpg", "a", "validation", "x"),
        Image("validation/b/1.jpg", "b", "validation", "y"),
    ]

    sentences = warnings(Images.of(rows), ["a", "b"])

    assert sentences == [
        "class 'b' has no image in test; its accuracy there is unknown",
        "2 images have the same bytes in more than one split; the test accuracy may be too high",
    ]


def test_too_many_unusable_pictures_are_refused():
    """Empty and too large files count over the whole dataset; documents do not."""
    files = [File(f"{name}/{i}.jpg", 9 if i else 0, f"{name}{i}") for name in "ab" for i in range(4)]
    read = read_layout([*files, File("a/notes.txt", 0)])

    check_unusable(read, 0.25)
    with pytest.raises(DatasetError, match=r"2 of 8 pictures cannot be used \(MaxUnreadable allows 20%\), .*'a/0.jpg'"):
        check_unusable(read, 0.2)
