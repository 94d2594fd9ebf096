"""One reader: every shape of a dataset is read alike by an upload, in the bucket, from an archive and by training."""

from pathlib import Path

import pytest

from tests.datasets.cases import Case
from tests.datasets.layouts_page import PAGE, page
from tests.datasets.shapes import CASES, names
from tests.datasets.ways import WAYS, read


@pytest.mark.parametrize("case", CASES, ids=names())
@pytest.mark.parametrize("way", WAYS)
def test_shapes_are_read_as_everywhere(tmp_path: Path, case: Case, way: str) -> None:
    """The same pictures, splits and classes, or the same refusal, with the same words about what is doubtful."""
    pictures, told = read(way, case.files(), tmp_path)

    if case.classes is None:
        assert pictures == {} or (way, case.name) in TRAINING_GOES_ON
        assert case.words in told or way == "training"
        return
    assert set(pictures) == set(case.pictures()), told
    assert {path: of for path, (_, of) in pictures.items()} == {path: case.class_of(path) for path in pictures}
    assert {of for _, of in pictures.values()} == set(case.classes)
    given = {path: split for path, split in case.pictures().items() if split not in ("", "train")}
    assert {path: pictures[path][0] for path in given} == given
    assert case.words in told


# These are found where the classes of the splits are compared, which training does once the pictures are decoded.
TRAINING_GOES_ON = {("training", "one class"), ("training", "a class that train lacks")}


def test_page_of_layouts_is_what_is_read(tmp_path: Path) -> None:
    """docs/layouts.md shows at least 30 shapes, as they are read now."""
    wanted = tmp_path / "layouts.md"
    wanted.write_text(page(), encoding="utf-8")

    assert PAGE.read_text(encoding="utf-8") == page(), f"cp {wanted} docs/layouts.md"
    assert len(CASES) >= 30
