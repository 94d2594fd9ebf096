"""handlers/datasets/uploads.py: which dataset an event completes, and which of several events counts."""

import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.datasets import uploads

_BUCKET = "retriever-data"


def upload(sequencer, key="datasets/flowers/_SUCCESS"):
    return uploads.Upload("flowers", "s3://retriever-data/datasets/flowers/", key, sequencer)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("datasets/flowers/_SUCCESS", ("flowers", "s3://retriever-data/datasets/flowers/")),
        ("datasets/flowers.zip", ("flowers", "s3://retriever-data/datasets/flowers.zip")),
        ("datasets/flowers.tar.gz", ("flowers", "s3://retriever-data/datasets/flowers.tar.gz")),
        ("datasets/fl.owers.v2.tgz", ("fl.owers.v2", "s3://retriever-data/datasets/fl.owers.v2.tgz")),
        (
            "datasets/två 100%+/_SUCCESS",
            ("två 100%+", "s3://retriever-data/datasets/två 100%+/"),
        ),
        ("datasets/flowers/train/_SUCCESS", None),
        ("datasets/flowers/pack.zip", None),
        ("datasets/_SUCCESS", None),
        ("datasets/.zip", None),
        ("datasets/flowers/daisy/1.jpg", None),
        ("staged/flowers/_SUCCESS", None),
    ],
)
def test_parse_key_finds_the_dataset(key, expected):
    """A marker directly in a dataset folder, or an archive directly under datasets/; keys are taken as they are."""
    assert uploads.parse_key(_BUCKET, key) == expected


def test_parse_upload_reads_a_real_event(event):
    """Name, URI, key and sequencer come from EventBridge's S3 event."""
    found = uploads.parse_upload(event("s3_object_created_folder"))

    assert found == upload("00617F08299329D189")


_SEQUENCERS = st.text("0123456789ABCDEFabcdef", min_size=1, max_size=40)


@given(_SEQUENCERS, _SEQUENCERS)
def test_sequencers_compare_as_numbers(one, other):
    """Of different lengths or cases, the greater hexadecimal number is the later event."""
    assert (uploads.comparable(one) < uploads.comparable(other)) == (int(one, 16) < int(other, 16))


@pytest.mark.parametrize("order", list(itertools.permutations(["9", "0A", "00000B"])))
def test_claim_lets_no_older_event_follow_a_newer(world, order):
    """In every order of three events, exactly those newer than all before are claimed."""
    claimed = []
    for sequencer in order:
        if uploads.claim(world.table, upload(sequencer)):
            uploads.finish(world.table, upload(sequencer))
            claimed.append(sequencer)

    values = [int(s, 16) for s in order]
    expected = [s for i, s in enumerate(order) if values[i] == max(values[: i + 1])]
    assert claimed == expected


def test_claim_is_given_once(world):
    """A duplicate finds the claim, before and after the event was handled."""
    assert uploads.claim(world.table, upload("A"))
    assert not uploads.claim(world.table, upload("A"))

    uploads.finish(world.table, upload("A"))

    assert not uploads.claim(world.table, upload("A"))


def test_claim_of_a_crashed_invocation_runs_out(world, monkeypatch):
    """Lambda repeats the event after a minute; by then the claim is free."""
    uploads.claim(world.table, upload("A"))
    later = time.time() + uploads.CLAIM_SECONDS + 2
    monkeypatch.setattr(uploads.time, "time", lambda: later)

    assert uploads.claim(world.table, upload("A"))


def test_released_claim_is_free_at_once(world):
    """After a failure the repeated invocation need not wait."""
    uploads.claim(world.table, upload("A"))

    uploads.release(world.table, upload("A"))

    assert uploads.claim(world.table, upload("A"))


def test_finish_leaves_a_newer_claim_alone(world):
    """An older event that ends late does not mark the newer one as handled."""
    uploads.claim(world.table, upload("A"))
    uploads.claim(world.table, upload("B"))

    uploads.finish(world.table, upload("A"))

    assert world.table.get("event#datasets/flowers/_SUCCESS")["Status"] == "CLAIMED"


def test_sequencers_of_different_objects_are_not_compared(world):
    """S3 orders the events of one key only."""
    uploads.claim(world.table, upload("B"))

    assert uploads.claim(world.table, upload("A", key="datasets/flowers.zip"))


def test_event_without_a_sequencer_is_taken(world):
    """Without one there is no order to keep."""
    assert uploads.claim(world.table, upload(""))
    uploads.finish(world.table, upload(""))
    assert uploads.claim(world.table, upload(""))
