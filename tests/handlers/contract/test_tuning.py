"""handlers/contract/tuning.py: where trials are trained."""

import pytest

from handlers.contract.tuning import trials_share_a_job


@pytest.mark.parametrize(
    ("tuning_mode", "trainable", "expected"),
    [
        ("auto", "head", True),
        ("one_job", "head", True),
        ("jobs", "head", False),
        ("auto", "full", False),
        ("jobs", "full", False),
    ],
)
def test_heads_share_a_job_unless_jobs_are_asked_for(tuning_mode, trainable, expected):
    """What is trained whole is never one of many in a job."""
    assert trials_share_a_job(tuning_mode, trainable) is expected
