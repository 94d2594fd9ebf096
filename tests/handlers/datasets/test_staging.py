"""handlers/datasets/staging.py: an archive is unpacked in the time that there is, and gone on with later."""

import pytest

from handlers import aws
from handlers.aws import objects
from handlers.aws.objects import S3Object
from handlers.contract.errors import DatasetError
from handlers.datasets import staging
from handlers.datasets.staging import StagedFolder
from tests.handlers import packing
from tests.handlers.environment import BUCKET
from tests.handlers.world import World

_FOLDER = StagedFolder(BUCKET, "staged/flowers/0/")
_FILES = {**{f"rose/{number}.jpg": b"%d" % number for number in range(5)}, "rose/notes.doc": b"n"}


def archive(world: World, suffix: str = ".zip") -> S3Object:
    pack = packing.zipped if suffix == ".zip" else packing.tar_gz
    world.put(f"datasets/flowers{suffix}", pack(_FILES))
    return objects.head(BUCKET, f"datasets/flowers{suffix}")


class Clock:
    """A clock that goes on by a second whenever it is looked at."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        self.now += 1
        return self.now


@pytest.mark.parametrize("suffix", [".zip", ".tar.gz"])
def test_unpacking_goes_on_where_its_time_was_up(world: World, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    """Each call puts what is not there yet, each file once, and the last one leaves the marker."""
    puts: list[str] = []
    put = StagedFolder.put

    def noted(folder: StagedFolder, path: str, content: bytes) -> None:
        puts.append(path)
        put(folder, path, content)

    monkeypatch.setattr(StagedFolder, "put", noted)
    monkeypatch.setattr(staging, "time", Clock())
    source = archive(world, suffix)

    assert not staging.unpack(source, _FOLDER, seconds=3)
    assert staging.set_aside(_FOLDER) is None
    assert len(puts) == 2
    assert staging.unpack(source, _FOLDER, seconds=60)

    assert sorted(puts) == sorted(["_SUCCESS", *(path for path in _FILES if path.endswith(".jpg"))])
    assert [each.path for each in staging.set_aside(_FOLDER) or []] == ["rose/notes.doc"]


def test_what_the_lifecycle_deletes_soon_is_put_again(world: World) -> None:
    """A file of a copy that is about to be deleted would be missing before the run ends."""
    world.put(f"{_FOLDER.prefix}rose/0.jpg", b"0")
    world.date(f"{_FOLDER.prefix}rose/0.jpg", -27 * 86_400)

    staging.unpack(archive(world), _FOLDER, seconds=60)

    assert [one.path for one in _FOLDER.files() if one.is_old] == []
    assert aws.s3().get_object(Bucket=BUCKET, Key=f"{_FOLDER.prefix}rose/0.jpg")["Body"].read() == b"0"


def test_marker_of_someone_else_is_refused(world: World) -> None:
    """It says what to do about it."""
    world.put(f"{_FOLDER.prefix}_SUCCESS", b"{}")

    with pytest.raises(
        DatasetError, match=r"_SUCCESS' is not what was written: 'set_aside'; delete it and start again"
    ):
        staging.set_aside(_FOLDER)
