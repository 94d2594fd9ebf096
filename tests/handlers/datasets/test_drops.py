"""handlers/datasets/drops.py: what is to be seen of a folder, and which folder an object belongs to."""

import pytest

from handlers import aws
from handlers.datasets.drops import dropped_into, look_at
from handlers.datasets.fingerprint import fingerprint_of
from tests.handlers.environment import BUCKET

_PREFIX = "datasets/pets/"


@pytest.mark.parametrize("status", ["Enabled", "Suspended", ""])
def test_a_look_sees_what_lies_there(world, status):
    """As an execution will, whether the bucket keeps versions, has kept some, or never did."""
    s3 = aws.s3()
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"}) if status else None
    for content in ("1", "2"):
        world.put(f"{_PREFIX}cat/1.jpg", content)
    for name in ("cat/2.jpg", "cat/", "_SUCCESS", "notes.txt"):
        world.put(_PREFIX + name)
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": status}) if status else None
    s3.delete_object(Bucket=BUCKET, Key=f"{_PREFIX}cat/2.jpg")

    look = look_at(BUCKET, "pets")

    assert (look.num_files, look.has_pictures) == (2, True)
    assert look.fingerprint == fingerprint_of(f"s3://{BUCKET}/{_PREFIX}")


def test_a_look_sees_when_a_file_went(world):
    """No event has to tell of it; that its marker or the folder's own entry went says nothing."""
    aws.s3().put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    for name in ("cat/1.jpg", "cat/2.jpg", "_SUCCESS", "cat/"):
        world.put(_PREFIX + name)
    world.date(f"{_PREFIX}cat/1.jpg", 0)
    world.date(f"{_PREFIX}cat/2.jpg", 0)
    before = look_at(BUCKET, "pets").newest_at
    for name in ("_SUCCESS", "cat/"):
        aws.s3().delete_object(Bucket=BUCKET, Key=_PREFIX + name)
    assert look_at(BUCKET, "pets").newest_at == before == "2026-01-01T00:00:00+00:00"

    aws.s3().delete_object(Bucket=BUCKET, Key=f"{_PREFIX}cat/2.jpg")

    assert look_at(BUCKET, "pets").newest_at > before


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("datasets/50%25 off/cat/1.jpg", "50%25 off"),
        ("datasets/a+b/cat+dog/1 2.jpg", "a+b"),
        ("datasets/tv\u00e5/\u732b/1.jpg", "tv\u00e5"),
        ("datasets/tva\u030a/cat/1.jpg", ""),
        ("datasets/pets/", ""),
        ("datasets/pets/_SUCCESS", ""),
        ("datasets/pets.zip", ""),
        ("inbox/pets/1.jpg", ""),
    ],
)
def test_an_event_names_the_folder_as_it_is_called(key, name):
    """EventBridge carries keys as they are, and nothing is decoded a second time.

    Source: Amazon S3 user guide, "EventBridge event message structure"; S3's own notifications encode keys.
    """
    assert dropped_into(key) == name
