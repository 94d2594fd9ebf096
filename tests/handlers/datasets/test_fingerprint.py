"""handlers/datasets/fingerprint.py: one identity for one content in S3."""

import pytest

from handlers.contract.errors import DatasetError
from handlers.datasets import drops, fingerprint
from tests.handlers.environment import BUCKET


def test_fingerprint_of_a_folder_ignores_marker_and_name(world):
    """The same files under another name, with or without _SUCCESS and folder markers, are the same content."""
    for name in ("one", "two"):
        world.put(f"datasets/{name}/daisy/1.jpg", "same")
    world.put("datasets/two/_SUCCESS", "")
    world.put("datasets/two/daisy/", "")

    one, two = (world.fingerprint(f"s3://retriever-data/datasets/{name}/") for name in ("one", "two"))

    assert one == two


def test_fingerprint_of_an_archive_changes_with_its_bytes(world):
    """Size and ETag of the one object."""
    world.put("datasets/a.zip", "one")
    before = world.fingerprint("s3://retriever-data/datasets/a.zip")
    world.put("datasets/a.zip", "two")

    assert world.fingerprint("s3://retriever-data/datasets/a.zip") != before


@pytest.mark.parametrize(
    "listed", [lambda: fingerprint.dataset_files(BUCKET, "datasets/a/"), lambda: drops.look_at(BUCKET, "a")]
)
def test_more_files_than_are_listed_in_time_are_refused(world, monkeypatch, listed):
    """The limit is told with what to do, before a function runs out of its time."""
    monkeypatch.setattr(fingerprint, "MAX_FILES", 2)
    for path in ("daisy/1.jpg", "daisy/2.jpg", "_SUCCESS"):
        world.put(f"datasets/a/{path}")
    listed()
    world.put("datasets/a/daisy/3.jpg")

    with pytest.raises(DatasetError, match=r"holds more than 2 files, .* in time; remove what is no picture"):
        listed()
