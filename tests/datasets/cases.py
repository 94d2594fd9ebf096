"""Shapes of datasets and what each is read as: upload, ValidateDataset and training are held to this one table."""

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Case:
    """A tree of files; `classes` is None where it is refused."""

    name: str
    folders: dict[str, str]  # folder with three pictures each -> split, "" where it is made
    classes: tuple[str, ...] | None = ("rose", "tulip")
    others: tuple[str, ...] = field(default=())  # files that are no pictures
    top: str = ""  # what wraps the data
    stray: tuple[str, ...] = field(default=())  # folders whose pictures are set aside

    def files(self) -> dict[str, bytes]:
        """Return every file with its bytes, which differ."""
        pictures = [f"{folder}/{i}.jpg" for folder in (*self.folders, *self.stray) for i in range(3)]
        return {path: f"{self.name} {path}".encode() for path in (*pictures, *self.others)}

    def pictures(self) -> dict[str, str]:
        """Return the path of each picture that is used, below `top`, with its split."""
        return {
            f"{folder}/{i}.jpg".removeprefix(self.top): split
            for folder, split in self.folders.items()
            for i in range(3)
        }


def _splits(pattern: str, **names: str) -> dict[str, str]:
    """Return the folders of both classes in each split, which is named so."""
    return {
        pattern.format(split=name, name=class_name): split
        for split, name in names.items()
        for class_name in ("rose", "tulip")
    }


_PLAIN = {"rose": "", "tulip": ""}
_WRAPPED = {"flowers/rose": "", "flowers/tulip": ""}
CASES = (
    Case("splits", _splits("{split}/{name}", train="train", validation="valid", test="test")),
    Case("splits in capitals", _splits("{split}/{name}", train="Train", test="Test")),
    Case("splits in upper case", _splits("{split}/{name}", train="TRAIN", validation="VAL", test="TEST")),
    Case("validation spelled out", _splits("{split}/{name}", train="train", validation="validation")),
    Case("classes alone", _PLAIN),
    Case("wrapped classes", _WRAPPED, top="flowers/"),
    Case("wrapped splits", _splits("flowers/{split}/{name}", train="train", test="test"), top="flowers/"),
    Case("wrapped twice", _splits("a/b/{split}/{name}", train="Train", test="Test"), top="a/b/"),
    Case("wrapped beside a readme", _WRAPPED, others=("README.md", "LICENSE"), top="flowers/"),
    Case("wrapped beside annotations", _WRAPPED, others=("annotations/list.txt",), top="flowers/"),
    Case("litter of systems", _PLAIN, others=("rose/.DS_Store", "__MACOSX/rose/._1.jpg", "Thumbs.db", "@eaDir/a.jpg")),
    Case("notes beside the classes", _PLAIN, others=("notes.txt", "docs/about.pdf")),
    Case("folders in a class", _PLAIN, stray=("rose/more",)),
    Case("a folder beside the splits", _splits("{split}/{name}", train="train"), stray=("extra/rose",)),
    Case("split folders twice", _splits("{split}/{split}/{name}", train="train", test="test")),
    Case("names in any script", {"Gänse blümchen": "", "ひまわり": "", "l'œillet": ""},
         classes=("Gänse blümchen", "l'œillet", "ひまわり")),
    Case("a class called test", {"test": "", "other": ""}, classes=("other", "test")),
    Case("no classes", {}, classes=None, others=("1.jpg", "2.jpg")),
    Case("one class", {"rose": ""}, classes=None),
    Case("no train", _splits("{split}/{name}", test="test"), classes=None),
    Case("splits without classes", {"train": "", "test": ""}, classes=None),
    Case("a class that train lacks", {"train/rose": "", "train/tulip": "", "test/lily": ""}, classes=None),
)  # fmt: skip
READ = tuple(case for case in CASES if case.classes is not None)


def names(cases: Iterable[Case] = CASES) -> list[str]:
    return [case.name for case in cases]
