"""ops/datasets/fixing.py: what a person ticked is carried out, and can be undone."""

import hashlib
from datetime import UTC, datetime

import pytest

from ops.datasets.fixing import ASIDE, Folder, Move, carry_out, planned, read_actions, undo
from ops.errors import UploadError

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
STAMP = "20261129T120000"


@pytest.fixture
def photos(tmp_path):
    """A folder with train/ and test/ of two classes."""
    for path in ("train/cat/1.jpg", "train/cat/2.jpg", "train/dog/1.jpg", "test/dog/3.jpg"):
        (tmp_path / "photos" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "photos" / path).write_text(path)
    return Folder(tmp_path / "photos")


@pytest.fixture
def table(tmp_path):
    """What writes the CSV of a person."""

    def write(*rows):
        path = tmp_path / "ticked.csv"
        path.write_text("action,value,path,kind\n" + "".join(f"{row},x\n" for row in rows))
        return read_actions(path)

    return write


def files(photos):
    """Return the paths below the folder."""
    return sorted(path.relative_to(photos.root).as_posix() for path in photos.root.rglob("*") if path.is_file())


def test_each_action_is_a_move(photos, table):
    """Dropped aside, to another class, to the same class of another split; a row without action is passed over."""
    rows = table(
        "drop,,train/cat/1.jpg", "relabel,dog,train/cat/2.jpg", "move,train,test/dog/3.jpg", ",,train/dog/1.jpg"
    )

    assert planned(rows, photos, NOW).moves == [
        Move("train/cat/1.jpg", f"{ASIDE}/{STAMP}/train/cat/1.jpg"),
        Move("train/cat/2.jpg", "train/dog/2.jpg"),
        Move("test/dog/3.jpg", "train/dog/3.jpg"),
    ]


def test_nothing_is_ever_written_over(photos, table):
    """Where the name is taken, the picture gets one that is free."""
    assert planned(table("relabel,dog,train/cat/1.jpg"), photos, NOW).moves == [
        Move("train/cat/1.jpg", "train/dog/1-1.jpg")
    ]


def test_all_is_undone_by_the_journal(photos, table, tmp_path):
    """After the undo every file has its path and its content again."""
    before = files(photos)
    moves = planned(table("drop,,train/cat/1.jpg", "relabel,cat,train/dog/1.jpg"), photos, NOW).moves
    carry_out(moves, photos, tmp_path / "journal.csv")
    assert files(photos) != before

    assert len(undo(tmp_path / "journal.csv", photos)) == 2

    assert files(photos) == before
    assert all((photos.root / path).read_text() == path for path in before)


def test_an_interrupted_fix_is_undone_as_far_as_it_came(photos, table, tmp_path):
    """A journal may name a move that was not made."""
    before = files(photos)
    moves = planned(table("drop,,train/cat/1.jpg"), photos, NOW).moves
    carry_out([*moves, Move("train/dog/1.jpg", "train/cat/9.jpg")], photos, tmp_path / "journal.csv")
    (photos.root / "train/cat/9.jpg").rename(photos.root / "train/dog/1.jpg")

    undo(tmp_path / "journal.csv", photos)

    assert files(photos) == before


def test_a_picture_that_is_gone_is_passed_over(photos, table):
    """The same CSV may be carried out twice, and says of what it did nothing."""
    plan = planned(table("drop,,train/cat/99.jpg"), photos, NOW)

    assert plan.moves == []
    assert "not there (any more): 1, the first 'train/cat/99.jpg'" in plan.remarks()[0]


def test_a_picture_that_was_replaced_since_is_left_alone(photos):
    """What was found was found in other bytes; a row without a digest is taken at its word."""
    row = {"action": "drop", "value": "", "path": "train/cat/1.jpg"}
    digest = hashlib.sha256(b"train/cat/1.jpg").hexdigest()
    assert planned([row | {"sha256": digest}], photos, NOW).moves == planned([row], photos, NOW).moves != []

    (photos.root / "train/cat/1.jpg").write_text("another")

    plan = planned([row | {"sha256": digest}], photos, NOW)
    assert plan.moves == []
    assert "not the picture that was examined: 1" in plan.remarks()[0]


@pytest.mark.parametrize(
    ("path", "class_name", "action", "value", "target"),
    [
        ("cat/train/1.jpg", "cat", "relabel", "dog", "dog/train/1.jpg"),
        ("cat/images/1.jpg", "cat", "relabel", "dog", "dog/images/1.jpg"),
        ("cat/test/1.jpg", "cat", "move", "train", "cat/train/1.jpg"),
        ("train/test/1.jpg", "test", "move", "valid", "valid/test/1.jpg"),
        ("train/Blu\u0308te/2.jpg", "Bl\u00fcte", "relabel", "dog", "train/dog/2.jpg"),
    ],
)
def test_each_layout_has_its_folder_of_the_class(photos, path, class_name, action, value, target):
    """Splits inside classes, classes with a folder of images, a class named as a split, two spellings of one name."""
    (photos.root / path).parent.mkdir(parents=True, exist_ok=True)
    (photos.root / path).write_text("x")
    row = {"action": action, "value": value, "path": path, "class": class_name}

    assert planned([row], photos, NOW).moves == [Move(path, target)]


def test_a_class_that_a_table_gives_is_not_changed_by_a_move(photos):
    """Another folder would change nothing about the label."""
    row = {"action": "relabel", "value": "dog", "path": "train/cat/1.jpg", "class": "siamese"}

    with pytest.raises(UploadError, match="its class 'siamese' is no folder of its path"):
        planned([row], photos, NOW)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("delete,,train/cat/1.jpg", "action 'delete'"),
        ("relabel,,train/cat/1.jpg", "relabel CLASS"),
        ("drop,,../secret.jpg", "is not known"),
    ],
)
def test_a_row_that_makes_no_sense_is_refused(table, row, message):
    """Before anything is moved, in one sentence."""
    with pytest.raises(UploadError, match=message):
        table(row)


def test_a_name_that_leaves_the_folder_is_refused(photos, table):
    """A class is one folder's name."""
    with pytest.raises(UploadError, match="no usable name of a folder"):
        planned(table("relabel,../../etc,train/cat/1.jpg"), photos, NOW)
