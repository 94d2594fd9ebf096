"""handlers/datasets/staging.py: an archive is unpacked in as many invocations as it takes."""

import time
from contextlib import suppress

import pytest

from handlers import aws
from handlers.aws import objects
from handlers.aws.objects import S3Object
from handlers.contract.errors import ArchiveUnfinishedError
from handlers.datasets import staging
from tests.handlers import packing
from tests.handlers.environment import BUCKET
from tests.handlers.world import World

_PREFIX = "staged/flowers/0/"
_FILES = {**{f"rose/{number}.jpg": b"%d" % number for number in range(5)}, "rose/notes.doc": b"n"}


def archive(world: World, suffix: str) -> S3Object:
    pack = packing.zipped if suffix == ".zip" else packing.tar_gz
    world.put(f"datasets/flowers{suffix}", pack(_FILES))
    return objects.head(BUCKET, f"datasets/flowers{suffix}")


@pytest.mark.parametrize("suffix", [".zip", ".tar.gz"])
def test_unpacking_goes_on_where_its_time_was_up(world: World, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    """Each call puts what is not there yet, each file once, and the last one leaves the marker."""
    puts: list[str] = []
    put = staging._put

    def noted(bucket: str, key: str, data: bytes) -> None:
        puts.append(key)
        put(bucket, key, data)

    monkeypatch.setattr(staging, "_put", noted)
    source = archive(world, suffix)

    for _ in range(4):
        with pytest.raises(ArchiveUnfinishedError, match=r"is not unpacked yet, 1 files more than before"):
            staging.unpack(BUCKET, source, _PREFIX, seconds=0)
        assert f"{_PREFIX}_SUCCESS" not in world.keys(_PREFIX)
    aside = staging.unpack(BUCKET, source, _PREFIX, seconds=0)

    assert sorted(puts) == sorted(f"{_PREFIX}{path}" for path in _FILES if path.endswith(".jpg"))
    assert [each.path for each in aside] == ["rose/notes.doc"]
    assert staging.unpack(BUCKET, source, _PREFIX, seconds=0) == aside


class Clock:
    """A clock by which every file takes 50 seconds."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        self.now += 50
        return self.now

    def time(self) -> float:
        return time.time()


def test_an_archive_of_an_hour_takes_no_call_over_its_limit(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the clock: 80 files of 50 s each, in calls that may take 720 of a function's 900 s."""
    clock, calls = Clock(), list[float]()
    monkeypatch.setattr(staging, "time", clock)
    world.put("datasets/flowers.zip", packing.zipped({f"rose/{number}.jpg": b"%d" % number for number in range(80)}))
    source = objects.head(BUCKET, "datasets/flowers.zip")

    while f"{_PREFIX}_SUCCESS" not in world.keys(_PREFIX):
        began = clock.now
        with suppress(ArchiveUnfinishedError):
            staging.unpack(BUCKET, source, _PREFIX, seconds=720)
        calls.append(clock.now - began)

    assert sum(calls) > 3600
    assert max(calls) < 900
    assert len(calls) <= 20
    assert len(world.keys(_PREFIX)) == 81


def test_what_the_lifecycle_deletes_soon_is_put_again(world: World) -> None:
    """A file of a copy that is about to be deleted would be missing before the run ends."""
    world.put(f"{_PREFIX}rose/0.jpg", b"0")
    world.date(f"{_PREFIX}rose/0.jpg", -27 * 86_400)

    staging.unpack(BUCKET, archive(world, ".zip"), _PREFIX)

    assert not staging._is_old(objects.head(BUCKET, f"{_PREFIX}rose/0.jpg"))
    assert aws.s3().get_object(Bucket=BUCKET, Key=f"{_PREFIX}rose/0.jpg")["Body"].read() == b"0"
