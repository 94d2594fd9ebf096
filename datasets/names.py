"""What the name of a folder says: which split it is, that it holds pictures or notes about them, or which class.

Names are taken as people write them: `train`, `Training Data`, `val_set`, `TestImages`, `holdout`, `train2017`.
"""

import re
import unicodedata

SPLIT_NAMES = ("train", "valid", "validation", "val", "test")  # as messages list them
_SPLITS = {
    **dict.fromkeys(("train", "training", "trainval"), "train"),
    **dict.fromkeys(
        ("valid", "validation", "validate", "val", "dev", "devel", "development", "eval", "evaluation"), "validation"
    ),
    **dict.fromkeys(("test", "tests", "testing", "holdout", "heldout"), "test"),
}
# Words that say nothing of what is in the pictures.
_FILLING_WORDS = (
    "set sets data dataset datasets split splits folder image images imgs img picture pictures photo photos seg new"
)
_CONTAINER_WORDS = (
    "images image imgs img pictures picture pics photos photo photographs jpegimages jpeg jpegs jpg png raw data"
    " dataset original originals part parts files all batch"
)
_NOTES_WORDS = (
    "annotation annotations label labels mask masks segmentation segmentations segmentationclass segmentationobject"
    " segmentationmasks trimap trimaps bbox bboxes boxes imagesets metadata groundtruth gt"
)
_FILLING, _CONTAINERS, _NOTES = (frozenset(words.split()) for words in (_FILLING_WORDS, _CONTAINER_WORDS, _NOTES_WORDS))
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_A-Za-z]+")


def split_of(folder_name: str) -> str:
    """Return "train", "validation" or "test" for a folder that is named as one, else ""."""
    return _SPLITS.get(_key([word for word in _words(folder_name) if word not in _FILLING]), "")


def suffixed_split(folder_name: str) -> tuple[str, str]:
    """Return what is beside the one word that names a split, and that split, as of "flowers_train"; else ("", "")."""
    words = _words(folder_name)
    splits = [word for word in words if word in _SPLITS]
    if len(splits) != 1:
        return "", ""
    return " ".join(word for word in words if word not in _SPLITS and word not in _FILLING), _SPLITS[splits[0]]


def is_container(folder_name: str) -> bool:
    """Tell whether a folder is named after pictures in general, and not after what they show."""
    words = _words(folder_name)
    return bool(words) and set(words) <= _CONTAINERS


def is_notes(folder_name: str) -> bool:
    """Tell whether a folder is named after what is noted about pictures: annotations, masks, boxes."""
    words = [word for word in _words(folder_name) if word not in _FILLING]
    return bool(words) and (set(words) <= _NOTES or "".join(words) in _NOTES)


def mentions_labels(name: str) -> bool:
    """Tell whether a file's name says that it holds labels, as "train_labels" or "metadata"."""
    return any(word in _NOTES for word in _words(name))


def is_no_class(folder_name: str) -> bool:
    """Tell whether a folder of such a name is a class only beside others that certainly are."""
    return bool(split_of(folder_name)) or is_container(folder_name) or is_notes(folder_name)


def class_of(folder_name: str) -> str:
    """Return the class of the images in a folder: its name, composed (NFC), since disks spell one name two ways."""
    return unicodedata.normalize("NFC", folder_name)


def _words(name: str) -> list[str]:
    """Return the words of a name in lower case, without its numbers: "ILSVRC2012_img_train" has ilsvrc, img, train."""
    return [word.lower() for word in _WORD.findall(name) if not word.isdigit()]


def _key(words: list[str]) -> str:
    """Return the words as one, without what is said at its end of a set in general: "trainingset" is training."""
    key = "".join(words)
    for filling in ("sets", "set", "data", "images", "imgs"):
        if key not in _SPLITS and key.endswith(filling):
            return key.removesuffix(filling)
    return key
