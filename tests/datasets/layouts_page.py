"""Writes docs/layouts.md: each shape of tests/datasets/shapes.py, and what was read of it in each way that it comes.

python tests/datasets/layouts_page.py
"""

import re
import tempfile
from collections import Counter
from pathlib import Path

from tests.datasets.cases import Case
from tests.datasets.shapes import CASES
from tests.datasets.ways import Read, read

PAGE = Path(__file__).parents[2] / "docs" / "layouts.md"
_WAYS = ("upload", "sync", "zip")
_LINES = 9  # of a tree that are shown
_HEAD = """# Layouts

What a folder, an archive or a prefix in the bucket is read as. Each row was made and read by a test,
tests/datasets/test_shapes.py, in three ways: sent by `deploy.py upload`, put into the bucket as it is by `aws s3
sync`, and packed as a zip. `train.py --data` reads the same.

- Splits are folders named as people name them: train, training, train_set, Training Data; val, valid, validation,
  dev, eval; test, testing, hold-out; in any case, with numbers, or at the end of a name. Those that a dataset lacks
  are taken from train.
- Folders round everything are looked through, whatever documents lie beside them. A class may hold its pictures in a
  folder `images`, and may have its own splits.
- A table (`.csv`, `.tsv`, `.jsonl`, at most 32 MiB) gives the classes where folders do not, or where it is named
  metadata or labels and names at least half of the pictures. The column of files is the one whose values are files
  that are there: by path, name, or name without suffix. The column of classes is called label, class, category,
  target, species or the like, or is the only one that repeats. A column called split is followed.
- Exports for detection and segmentation are refused by name.
- Names of classes are any text; composed and decomposed letters are one. Systems' own files are passed over.
- Links to files and folders are followed by `upload` and by `train.py`; one that leads back to where it lies is left
  out.
- A class of which no picture is usable ends the run, an empty folder too, where it is seen: `aws s3 sync` sends none,
  and the row below shows what the console makes of one.
- Where something could be read otherwise, the last column's words are said by `upload`, in the report and in the
  training's log.

| shape | files | upload | sync | zip | what is said |
|---|---|---|---|---|---|
"""


def page() -> str:
    """Return the page."""
    return _HEAD + "".join(map(_row, CASES))


def _row(case: Case) -> str:
    with tempfile.TemporaryDirectory() as folder:
        reads = [read(way, case.files(), _empty(folder, way)) for way in _WAYS]
    told = re.sub(r"'?/\S*/upload'?", "'flowers'", reads[0].words)
    cells = (case.name, _tree(case), *map(_cell, reads), _shown(told))
    return f"| {' | '.join(cells)} |\n"


def _empty(folder: str, way: str) -> Path:
    path = Path(folder) / way
    path.mkdir()
    return path


def _cell(outcome: Read) -> str:
    if not outcome.pictures:
        return "refused"
    splits = Counter(split for split, _ in outcome.pictures.values())
    counts = ", ".join(f"{split} {splits[split]}" for split in ("train", "validation", "test") if splits[split])
    return f"{len({name for _, name in outcome.pictures.values()})} classes: {counts}"


def _tree(case: Case) -> str:
    """Return the files with those of a folder as one, such as `rose/*.jpg`."""
    lines = list(
        dict.fromkeys(re.sub(r"(^|/)\d+(x?)\.(jpg|txt|xml|json)$", r"\1*\2.\3", path) for path in case.files())
    )
    more = ["..."] if len(lines) > _LINES else []
    return "<br>".join(f"`{line}`" for line in lines[:_LINES]) + "".join(f"<br>{line}" for line in more)


def _shown(told: str) -> str:
    return told.replace("|", "\\|").replace("*", "\\*").replace("\n", "<br>")
