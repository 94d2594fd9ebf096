"""What the name of a folder says: which split it is, or which class."""

import unicodedata

SPLIT_NAMES = ("train", "valid", "validation", "val", "test")  # as messages list them
_SPLITS = {"train": "train", "valid": "validation", "validation": "validation", "val": "validation", "test": "test"}


def split_of(folder_name: str) -> str:
    """Return "train", "validation" or "test" for a folder that is named as one, in any case, else ""."""
    return _SPLITS.get(folder_name.lower(), "")


def class_of(folder_name: str) -> str:
    """Return the class of the images in a folder: its name, composed (NFC), since disks spell one name two ways."""
    return unicodedata.normalize("NFC", folder_name)
