"""What a shape of a dataset is: its files, and what they are read as."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Case:
    """A tree of files; `classes` is None where it is refused."""

    name: str
    folders: dict[str, str]  # folder with three pictures each -> split, "" where it is made
    classes: tuple[str, ...] | None = ("rose", "tulip")
    others: tuple[str, ...] = field(default=())  # files that are no pictures, and folders, with "/" at their end
    top: str = ""  # what wraps the data
    stray: tuple[str, ...] = field(default=())  # folders whose pictures are set aside
    texts: Mapping[str, str] = field(default_factory=dict)  # files whose content is read
    labelled: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # picture -> split and class, by a table
    labels: Mapping[str, str] = field(default_factory=dict)  # folder -> class, where it is not named so
    words: str = ""  # part of the remark, or of the refusal

    def files(self) -> dict[str, bytes]:
        """Return every file with its bytes, which differ."""
        pictures = [f"{folder}/{i}.jpg" for folder in (*self.folders, *self.stray) for i in range(3)]
        others = (*pictures, *self.others, *self.labelled)
        content = {path: b"" if path.endswith("/") else f"{self.name} {path}".encode() for path in others}
        return content | {path: text.encode() for path, text in self.texts.items()}

    def pictures(self) -> dict[str, str]:
        """Return the path of each picture that is used, below `top`, with its split."""
        of_folders = {
            f"{folder}/{i}.jpg".removeprefix(self.top): split
            for folder, split in self.folders.items()
            for i in range(3)
        }
        return of_folders | {path: split for path, (split, _) in self.labelled.items()}

    def class_of(self, path: str) -> str:
        """Return the class of a picture that is used, given by its path below `top`."""
        if path in self.labelled:
            return self.labelled[path][1]
        folder = (self.top + path).rpartition("/")[0]
        return self.labels.get(folder, unicodedata.normalize("NFC", folder.rpartition("/")[2]))
