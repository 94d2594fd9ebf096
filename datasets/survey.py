"""How the folders of a tree are to be read: what wraps the data, and whether splits or classes come first.

A survey takes the paths one after the other, from a disk, an archive or a listing, and keeps a few numbers a folder and
nothing a file; the reading that it gives then places each file.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from datasets.names import SPLIT_NAMES, class_of, split_of
from datasets.paths import is_image_name, is_litter, path_parts

MAX_DEPTH = 24  # folders; nobody sorts photographs deeper
# Words about data. A folder of nothing else beside the classes is no class, whatever else may be one that went wrong.
_DOCUMENTS = (
    ".txt .md .rst .csv .tsv .json .jsonl .xml .yaml .yml .html .htm .pdf .py .ipynb .log .mat .npy .npz .pkl .db"
    " .ini .toml .sh .doc .docx .xls .xlsx .parquet .url .lnk .css .js"
)
_DOCUMENT_SUFFIXES = tuple(_DOCUMENTS.split())


@dataclass
class _Content:
    """What lies directly in one folder."""

    images: int = 0
    others: int = 0
    documents: int = 0

    def is_documents(self) -> bool:
        return self.documents > 0 and not self.images and not self.others


@dataclass
class _Branch:
    """A folder and what is below it."""

    direct: int = 0  # images directly in it
    below: int = 0  # images in its folders
    has_class: bool = False  # one of its folders may be a class


@dataclass(frozen=True)
class Reading:
    """How a tree is read: images are FILE in `top` + CLASS/FILE, or in one of `splits` + CLASS/FILE."""

    top: str = ""  # the folders round everything, with "/" at its end, or ""
    splits: dict[str, str] = field(default_factory=dict)  # folder, below `top` and with "/" at its end -> split

    def class_folder(self, folder: str) -> tuple[str, str] | None:
        """Return split ("" without splits) and class of a folder, or None where it is no class folder."""
        below = f"{folder}/"
        if not below.startswith(self.top):
            return None
        below = below.removeprefix(self.top).removesuffix("/")
        for prefix, split in (self.splits or {"": ""}).items():
            name = below.removeprefix(prefix)
            if below.startswith(prefix) and name and "/" not in name:
                return split, class_of(name)
        return None

    def why_not(self, folder: str) -> str:
        """Return why an image in `folder`, which is no class folder, has no class."""
        if not f"{folder}/".startswith(self.top):
            return f"not inside {self.top}, where the classes are"
        below = f"{folder}/".removeprefix(self.top)
        if self.splits and not split_of(below.split("/", 1)[0]):
            return f"not inside one of {', '.join(SPLIT_NAMES)}"
        depth = max((p.count("/") for p in self.splits if below.startswith(p)), default=0)
        return "deeper than a class folder" if below.strip("/").count("/") >= depth + 1 else "not inside a class folder"


class Survey:
    """Counts what lies in each folder of a tree."""

    def __init__(self) -> None:
        self._folders: dict[str, _Content] = {}

    def add(self, path: str) -> None:
        """Take note of a file, or of a folder where `path` ends in "/"; what systems leave about does not count."""
        parts = path_parts(path)
        if not parts or len(parts) > MAX_DEPTH or any(map(is_litter, parts)):
            return
        if path.endswith("/"):
            self._folders.setdefault("/".join(parts), _Content())
            return
        content = self._folders.setdefault("/".join(parts[:-1]), _Content())
        name = parts[-1].lower()
        if is_image_name(name):
            content.images += 1
        elif name.endswith(_DOCUMENT_SUFFIXES):
            content.documents += 1
        else:
            content.others += 1

    def reading(self) -> Reading:
        """Decide how the tree is read: the nearest folder with splits, or else with class folders, is its top."""
        top = ""
        while True:
            branches = self._branches(top)
            splits = {f"{name}/": split_of(name) for name, b in branches.items() if split_of(name) and b.has_class}
            if splits:
                return Reading(top, {self._inner(top, folder): split for folder, split in splits.items()})
            wrapper = _only_wrapper(branches)
            if not wrapper:
                return Reading(top)
            top += f"{wrapper}/"

    def class_folders(self, reading: Reading) -> Iterator[tuple[str, str]]:
        """Yield split and class of every class folder, also of those without an image."""
        for folder, content in self._folders.items():
            placed = reading.class_folder(folder)
            if placed is not None and not (content.is_documents() and not reading.splits):
                yield placed

    def _branches(self, top: str) -> dict[str, _Branch]:
        branches: dict[str, _Branch] = {}
        for folder, content in self._folders.items():
            if not folder.startswith(top) or len(folder) <= len(top):
                continue
            name, _, deeper = folder[len(top) :].partition("/")
            branch = branches.setdefault(name, _Branch())
            if deeper:
                branch.below += content.images
                branch.has_class |= bool(content.images) or not content.is_documents()
            else:
                branch.direct += content.images
        return branches

    def _inner(self, top: str, folder: str) -> str:
        """Return the folder of a split below `top`, past what wraps its classes: some sets have train/train/CLASS."""
        while wrapper := _only_wrapper(self._branches(top + folder)):
            folder += f"{wrapper}/"
        return folder


def _only_wrapper(branches: dict[str, _Branch]) -> str:
    """Return the one folder that wraps all images, while class folders remain below it, or ""."""
    holding = [name for name, branch in branches.items() if branch.direct or branch.below]
    return holding[0] if len(holding) == 1 and not branches[holding[0]].direct else ""
