"""handlers/datasets/uploads.py: which dataset an event completes, and which of several events counts."""

import pytest

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
    parsed = uploads.parse_upload(event("s3_object_created_folder"))

    assert parsed == upload("00617F08299329D189")
