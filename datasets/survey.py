"""How the folders of a tree are to be read: what wraps the data, and whether splits or classes come first.

A survey takes the paths one after the other, from a disk, an archive or a listing, and keeps a few numbers a folder and
nothing a file; the reading that it gives then places each file.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from datasets.exports import Evidence
from datasets.names import is_no_class, is_notes, split_of, suffixed_split
from datasets.paths import is_image_name, is_litter, path_parts
from datasets.readings import Reading

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

    def is_blank(self) -> bool:
        return not (self.images or self.others or self.documents)

    def is_documents(self) -> bool:
        return self.documents > 0 and not self.images and not self.others


@dataclass
class _Branch:
    """A folder and what is below it."""

    direct: int = 0  # images directly in it
    below: int = 0  # images in its folders
    has_class: bool = False  # one of its folders may be a class
    folders: set[str] = field(default_factory=set)  # directly in it, those with images


class Survey:
    """Counts what lies in each folder of a tree."""

    def __init__(self) -> None:
        self._folders: dict[str, _Content] = {}
        self.evidence = Evidence()

    def add(self, path: str) -> None:
        """Take note of a file, or of a folder where `path` ends in "/"; what systems leave about does not count."""
        parts = path_parts(path)
        if not parts or len(parts) > MAX_DEPTH or any(map(is_litter, parts)):
            return
        if path.endswith("/"):
            self._folders.setdefault("/".join(parts), _Content())
            return
        self.evidence.add(parts)
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
            if splits := _splits(branches):
                return self._with_splits(top, branches, splits)
            if _is_inverted(branches):
                return Reading(top, is_inverted=True, remarks=(_inverted_remark(branches),))
            wrapper = _only_wrapper(branches)
            if not wrapper:
                return Reading(top, remarks=_class_remarks(branches))
            top += f"{wrapper}/"

    def class_folders(self, reading: Reading) -> Iterator[tuple[str, str]]:
        """Yield split and class of every class folder, also of those without an image or without anything."""
        parents = {folder[:at] for folder in self._folders for at, letter in enumerate(folder) if letter == "/"}
        for folder, content in self._folders.items():
            placed = reading.class_folder(folder)
            if placed is None or (content.is_blank() and (folder in parents or is_no_class(placed[1]))):
                continue
            if not content.is_documents() or (reading.splits and not is_notes(placed[1])):
                yield placed

    def is_flat(self, reading: Reading) -> bool:
        """Tell whether no folder with images is named after what they show."""
        return all(map(is_no_class, self._holding(reading)))

    def num_classes(self, reading: Reading) -> int:
        """Return how many classes have images."""
        return len(self._holding(reading))

    def _holding(self, reading: Reading) -> set[str]:
        placed = (reading.class_folder(folder) for folder, content in self._folders.items() if content.images)
        return {one[1] for one in placed if one is not None}

    def _with_splits(self, top: str, branches: Mapping[str, _Branch], splits: Mapping[str, str]) -> Reading:
        inner = {self._inner(top, f"{name}/"): split for name, split in splits.items()}
        flat = {folder for folder in inner if self._is_flat_split(top + folder)}
        if flat == set(inner):
            return Reading(top, inner)
        kept = {folder: split for folder, split in inner.items() if folder not in flat}
        beside = [n for n, b in branches.items() if n not in splits and not is_notes(n) and (b.direct or b.below)]
        return Reading(top, kept, remarks=tuple(_split_remarks(kept, sorted(flat), sorted(beside))))

    def _is_flat_split(self, folder: str) -> bool:
        branches = {name: b for name, b in self._branches(folder).items() if b.direct or b.below}
        return bool(branches) and all(is_no_class(name) and not b.below for name, b in branches.items())

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
                if content.images:
                    branch.folders.add(deeper)
            else:
                branch.direct += content.images
        return branches

    def _inner(self, top: str, folder: str) -> str:
        """Return the folder of a split below `top`, past what wraps its classes: some sets have train/train/CLASS."""
        while wrapper := _only_wrapper(self._branches(top + folder)):
            folder += f"{wrapper}/"
        return folder


def _splits(branches: Mapping[str, _Branch]) -> dict[str, str]:
    """Return the folders that are splits: named as one, or several named as one another but for that."""
    splits = {name: split for name, b in branches.items() if b.has_class and (split := split_of(name))}
    if splits:
        return splits
    groups: dict[str, dict[str, str]] = defaultdict(dict)
    for name, branch in branches.items():
        rest, split = suffixed_split(name)
        if split and branch.below:
            groups[rest][name] = split
    return next((group for group in groups.values() if len(set(group.values())) > 1), {})


def _is_inverted(branches: Mapping[str, _Branch]) -> bool:
    """Tell whether every class has its own splits: rose/train, rose/test, tulip/train, tulip/test."""
    holding = [branch for branch in branches.values() if branch.direct or branch.below]
    return len(holding) > 1 and all(
        not branch.direct and branch.folders and all(map(split_of, branch.folders)) for branch in holding
    )


def _only_wrapper(branches: Mapping[str, _Branch]) -> str:
    """Return the one folder that wraps all images but those of masks, while class folders remain below it, or ""."""
    holding = [name for name, branch in branches.items() if branch.direct or branch.below]
    if len(holding) > 1:
        holding = [name for name in holding if not is_notes(name)]
    return holding[0] if len(holding) == 1 and not branches[holding[0]].direct else ""


def _inverted_remark(branches: Mapping[str, _Branch]) -> str:
    first = min(name for name, branch in branches.items() if branch.folders)
    return (
        f"each class has its own splits ({first}/{min(branches[first].folders)}/), so the outer folders are the "
        "classes; to have it the other way round, move them to SPLIT/CLASS"
    )


def _class_remarks(branches: Mapping[str, _Branch]) -> tuple[str, ...]:
    """Return a word about folders that were taken for classes, and are named as something else."""
    named = sorted(name for name, branch in branches.items() if branch.direct and is_no_class(name))
    if not named or len(named) == sum(1 for branch in branches.values() if branch.direct):
        return ()
    kind = "a split" if any(map(split_of, named)) else "no class"
    return (
        f"read as a class, though named as {kind}: {_quoted(named)}, with pictures directly in it and other classes "
        "beside it; rename it, or move it elsewhere, if that is wrong",
    )


def _split_remarks(kept: Mapping[str, str], flat: list[str], beside: list[str]) -> Iterator[str]:
    if flat:
        yield (
            f"not read: {_quoted(flat)}, whose pictures are in no class folders; sort them into those of train to have "
            "them as a split"
        )
    if beside:
        yield (
            f"not read: {_quoted(beside)}, beside the splits {_quoted(sorted(kept))}; move class folders into one of "
            "them, or rename those if they are classes"
        )
    same = [folder for folder, split in kept.items() if list(kept.values()).count(split) > 1]
    if same:
        yield f"read as one split: {_quoted(sorted(same))}; rename one of them if they are not"


def _quoted(names: list[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(map(repr, names[:5])) + more
