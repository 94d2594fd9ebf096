"""ops/datasets/fixing.py: what a person ticked is carried out, and can be undone."""

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

    assert planned(rows, photos, NOW) == [
        Move("train/cat/1.jpg", f"{ASIDE}/{STAMP}/train/cat/1.jpg"),
        Move("train/cat/2.jpg", "train/dog/2.jpg"),
        Move("test/dog/3.jpg", "train/dog/3.jpg"),
    ]


def test_nothing_is_ever_written_over(photos, table):
    """Where the name is taken, the picture gets one that is free."""
    assert planned(table("relabel,dog,train/cat/1.jpg"), photos, NOW) == [Move("train/cat/1.jpg", "train/dog/1-1.jpg")]


def test_all_is_undone_by_the_journal(photos, table, tmp_path):
    """After the undo every file has its path and its content again."""
    before = files(photos)
    moves = planned(table("drop,,train/cat/1.jpg", "relabel,cat,train/dog/1.jpg"), photos, NOW)
    carry_out(moves, photos, tmp_path / "journal.csv")
    assert files(photos) != before

    assert len(undo(tmp_path / "journal.csv", photos)) == 2

    assert files(photos) == before
    assert all((photos.root / path).read_text() == path for path in before)


def test_an_interrupted_fix_is_undone_as_far_as_it_came(photos, table, tmp_path):
    """A journal may name a move that was not made."""
    before = files(photos)
    moves = planned(table("drop,,train/cat/1.jpg"), photos, NOW)
    carry_out([*moves, Move("train/dog/1.jpg", "train/cat/9.jpg")], photos, tmp_path / "journal.csv")
    (photos.root / "train/cat/9.jpg").rename(photos.root / "train/dog/1.jpg")

    undo(tmp_path / "journal.csv", photos)

    assert files(photos) == before


def test_a_picture_that_is_gone_is_passed_over(photos, table):
    """The same CSV may be carried out twice."""
    assert planned(table("drop,,train/cat/99.jpg"), photos, NOW) == []


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
