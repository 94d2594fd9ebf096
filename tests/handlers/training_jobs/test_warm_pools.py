"""handlers/training_jobs/warm_pools.py: an instance is kept where the next job of the run takes it over."""

import pytest

from handlers.contract.settings import Settings
from handlers.training_jobs.warm_pools import kept_warm
from tests.handlers.environment import ENVIRONMENT

_SAME = {"TUNING_INSTANCE_TYPE": "ml.m5.xlarge", "TRAINING_INSTANCE_TYPE": "ml.m5.xlarge"}


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({}, (300, 300, 1)),
        ({"WARM_POOL_SECONDS": "60"}, (60, 60, 1)),
        ({"WARM_POOL_SECONDS": "0"}, (0, 0, 0)),
        ({"USE_SPOT": "true"}, (0, 0, 0)),  # SageMaker refuses both together
        ({"TUNING_MODE": "jobs"}, (0, 0, 0)),  # a tuning job's training jobs take no pool over
        ({"TRAINABLE": "full"}, (0, 0, 0)),
        ({"TUNING_INSTANCE_TYPE": "ml.c5.xlarge"}, (0, 0, 0)),  # nothing would match
        ({"TRAINING_INSTANCE_COUNT": "2"}, (300, 1, 0)),
        ({"FEATURES_INSTANCE_COUNT": "2"}, (0, 300, 1)),
    ],
    ids=str,
)
def test_an_instance_is_kept_where_the_next_job_takes_it(changes, kept):
    """The last one takes the pool over and lets it go after a second."""
    settings = Settings.from_env({**ENVIRONMENT, **_SAME, "TRAINING_INSTANCE_COUNT": "1", **changes})

    states = ("ComputeFeatures", "StartTuningJob", "StartTrainingJob")
    asked = [kept_warm(settings, state).get("KeepAlivePeriodInSeconds", 0) for state in states]

    assert tuple(asked) == kept
