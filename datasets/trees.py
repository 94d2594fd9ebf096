"""The files of a tree, its images and what is set aside: one by one, and a million of them in little memory."""

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

from datasets.packed import Names, Rows, Texts

_UNKNOWN = -1  # a size


@dataclass(frozen=True, order=True, slots=True)
class File:
    """A file of a tree; a path that ends in "/" is a folder's own entry."""

    path: str  # relative to the tree, with slashes
    size: int | None = None  # bytes, where they are known
    content: str = ""  # equal for equal bytes, where that is known: an ETag


@dataclass(frozen=True, order=True, slots=True)
class Image:
    path: str  # relative to the layout's `top`; the entry in a manifest
    class_name: str
    split: str  # "train", "validation", "test"; "" when the dataset has no splits
    content: str = ""  # equal for equal bytes: size and ETag


@dataclass(frozen=True, order=True, slots=True)
class SetAside:
    path: str  # relative to the tree
    reason: str


class Files(Rows[File]):
    """Files in the order that they are added in."""

    def __init__(self, files: Iterable[File] = ()) -> None:
        self.paths, self._contents, self._sizes = Texts(), Texts(), array("q")
        for file in files:
            self.append(file)

    def append(self, file: File) -> None:
        self.paths.append(file.path)
        self._contents.append(file.content)
        self._sizes.append(_UNKNOWN if file.size is None else file.size)

    def __len__(self) -> int:
        return len(self._sizes)

    def row(self, place: int) -> File:
        return File(self.paths[place], self.size(place), self._contents[place])

    def __iter__(self) -> Iterator[File]:
        for path, size, content in zip(self.paths, self._sizes, self._contents, strict=True):
            yield File(path, None if size == _UNKNOWN else size, content)

    def size(self, place: int) -> int | None:
        """Return the size of a file, None where it is not known."""
        size = self._sizes[place]
        return None if size == _UNKNOWN else size

    def content(self, place: int) -> str:
        """Return what is equal for equal bytes, or ""."""
        etag, size = self._contents[place], self._sizes[place]
        return etag if not etag or size == _UNKNOWN else f"{size}-{etag}"


class Images(Rows[Image]):
    """Images among files, by their places there; `top` is the folder that their paths are below."""

    def __init__(self, files: Files, top: str = "") -> None:
        self.files, self._top, self._places = files, len(top), array("I")
        self.classes, self.splits = Names(), Names()
        self._last, self._is_sorted = "", True

    @classmethod
    def of(cls, images: Iterable[Image]) -> Self:
        """Return images that were made elsewhere."""
        if isinstance(images, cls):
            return images
        made = cls(Files())
        for image in images:
            made.files.append(File(image.path, None, image.content))
            made.add(len(made), image.path, image.class_name, image.split)
        return made

    def add(self, place: int, path: str, class_name: str, split: str) -> None:
        """Add the file at `place`, whose path it is."""
        self._is_sorted = self._is_sorted and path > self._last
        self._last = path
        self._places.append(place)
        self.classes.append(class_name)
        self.splits.append(split)

    def __len__(self) -> int:
        return len(self._places)

    def row(self, place: int) -> Image:
        return Image(self.path(place), self.classes[place], self.splits[place], self.content(place))

    def path(self, place: int) -> str:
        """Return the path of an image, below the top."""
        return self.files.paths[self._places[place]][self._top :]

    def content(self, place: int) -> str:
        """Return what is equal for equal bytes, or ""."""
        return self.files.content(self._places[place])

    def places(self) -> Iterable[int]:
        """Return the places of the images by their paths; of equal paths by what else is known."""
        return range(len(self)) if self._is_sorted else sorted(range(len(self)), key=self.row)

    def sorted(self, splits: Names | None = None) -> "Images":
        """Return the images by their paths, in other splits where they are given."""
        splits = splits or self.splits
        if self._is_sorted and splits is self.splits:
            return self
        ordered = Images(self.files)
        ordered._top = self._top
        for place in self.places():
            path, split = self.path(place), splits[place]
            ordered.add(self._places[place], path, self.classes[place], split)
        return ordered

    def paths(self, split: str) -> Iterator[str]:
        """Yield the paths of a split, in order."""
        number = self.splits.number(split)
        return (self.path(place) for place, own in enumerate(self.splits.column) if own == number)

    def num_bytes(self) -> int:
        """Return the bytes of all images whose sizes are known."""
        return sum(self.files.size(place) or 0 for place in self._places)

    def counts(self) -> Counter[tuple[str, str]]:
        """Return how many images each class has in each split."""
        pairs = Counter(zip(self.classes.column, self.splits.column, strict=True))
        return Counter({(self.classes.known[one], self.splits.known[two]): n for (one, two), n in pairs.items()})


class SetAsides(Rows[SetAside]):
    """Files that are set aside, few reasons and each once."""

    def __init__(self, aside: Iterable[SetAside] = ()) -> None:
        self._paths, self._reasons = Texts(), Names()
        self._last, self._is_sorted = "", True
        for each in aside:
            self.append(each)

    def append(self, aside: SetAside) -> None:
        self._is_sorted = self._is_sorted and aside.path > self._last
        self._last = aside.path
        self._paths.append(aside.path)
        self._reasons.append(aside.reason)

    def __len__(self) -> int:
        return len(self._paths)

    def row(self, place: int) -> SetAside:
        return SetAside(self._paths[place], self._reasons[place])

    def files(self) -> "SetAsides":
        """Return those that are no folders, by their paths."""
        rows = self if self._is_sorted else sorted(self)
        return SetAsides(each for each in rows if not each.path.endswith("/"))

    def reasons(self) -> Counter[str]:
        """Return how many files each reason sets aside."""
        return self._reasons.counts()
