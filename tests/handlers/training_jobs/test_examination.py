"""handlers/training_jobs/examination.py: what was found in the data reaches the execution's record."""

import json

import pytest

from handlers.contract.states import Features
from handlers.ledger import Run
from handlers.training_jobs.examination import note
from tests.handlers.environment import BUCKET

FEATURES = Features(features_s3_uri=f"s3://{BUCKET}/features/k/job/output/model/", key="k")
KEY = "features/k/job/output/model/summary.json"


@pytest.mark.parametrize(
    ("features", "content", "expected"),
    [
        (FEATURES, json.dumps(["42 of the test split left it"]), ["42 of the test split left it"]),
        (FEATURES, "no JSON", None),
        (FEATURES, None, None),
        (Features(), None, None),
    ],
)
def test_the_summary_is_noted_where_there_is_one(world, features, content, expected):
    """A summary that is missing or damaged costs no run."""
    Run("e-1", status="RUNNING", started_at="2026-11-29T12:00:00Z").note(world.ledger)
    if content is not None:
        world.put(KEY, content)

    note(features, "e-1", world.ledger)

    noted = Run.get(world.ledger, "e-1")
    assert noted is not None
    assert noted.data == expected
    assert noted.features_s3_uri == (expected and FEATURES.features_s3_uri)
