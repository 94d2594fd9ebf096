"""handlers/training_jobs/warm_start.py: a tuning job begins with what the dataset's last one has learned."""

import json

import pytest

from handlers import start_tuning_job
from handlers.contract.settings import Settings
from handlers.ledger import Dataset
from handlers.training_jobs.warm_start import warm_start_config
from tests.handlers.environment import ENVIRONMENT

_PARENT = "flowers-ffffffffff-1"


@pytest.fixture
def request_of(world, event, lambda_context, sent):
    """Give the request of this execution's tuning job, after one of an earlier execution has completed."""
    earlier = json.loads(json.dumps(event("start_tuning_job")).replace("-0123456789ab-1", "-ffffffffffff-1"))
    start_tuning_job.handler(earlier, lambda_context)
    world.sagemaker.complete_tuning_job(_PARENT, lr="0.01")
    Dataset("flowers").change(world.ledger, {"tuning_job_name": _PARENT})
    start_tuning_job.handler(event("start_tuning_job"), lambda_context)
    return world.sagemaker.request("CreateHyperParameterTuningJob")


def test_last_tuning_job_is_the_parent(request_of):
    """Manifests of another execution are other data to SageMaker, so its values are taken for a hint only."""
    assert request_of["WarmStartConfig"] == {
        "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": _PARENT}],
        "WarmStartType": "TransferLearning",
    }


def test_same_data_and_algorithm_are_said_to_be(world, request_of):
    """Where everything is the same to the letter, the parent's results count as they are."""
    definition = world.sagemaker.tuning_jobs[_PARENT]["TrainingJobDefinition"]

    found = warm_start_config(
        {**request_of, "TrainingJobDefinition": definition}, "flowers", world.ledger, world.settings
    )

    assert found["WarmStartConfig"]["WarmStartType"] == "IdenticalDataAndAlgorithm"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda job: job["TrainingJobDefinition"]["StaticHyperParameters"].pop("image_size"),
        lambda job: job["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"].update(Type="Minimize"),
        lambda job: job.update(HyperParameterTuningJobStatus="InProgress"),
        lambda job: job.pop("BestTrainingJob"),
        lambda job: job["TrainingJobStatusCounters"].update(Completed=499),
    ],
    ids=["other hyperparameters", "other objective", "still running", "no best job", "too many jobs"],
)
def test_parent_that_sagemaker_would_refuse_is_left_out(world, request_of, spoil):
    """The tuning job starts all the same, from nothing."""
    spoil(world.sagemaker.tuning_jobs[_PARENT])

    assert warm_start_config(request_of, "flowers", world.ledger, world.settings) == {}


def test_parent_that_is_gone_is_left_out(world, request_of):
    """SageMaker keeps jobs for long, not for ever."""
    del world.sagemaker.tuning_jobs[_PARENT]

    assert warm_start_config(request_of, "flowers", world.ledger, world.settings) == {}


@pytest.mark.parametrize(
    "changes", [{"TUNING_WARM_START": "Off"}, {"TUNING_STRATEGY": "Grid"}, {"TUNING_STRATEGY": "Hyperband"}]
)
def test_warm_start_is_asked_for_and_of_use(world, request_of, changes):
    """Off is off; Grid and Hyperband look up nothing."""
    before = len(world.sagemaker.calls)

    settings = Settings.from_env(ENVIRONMENT | changes)
    assert warm_start_config(request_of, "flowers", world.ledger, settings) == {}
    assert len(world.sagemaker.calls) == before
