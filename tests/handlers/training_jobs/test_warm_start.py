"""handlers/training_jobs/warm_start.py: a tuning job begins with what the dataset's last one has learned."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers import start_tuning_job
from handlers.contract.settings import Settings
from handlers.contract.states import StartTuningJobInput
from handlers.executions.endings import KEPT_TUNING_JOBS
from handlers.ledger import Dataset, Run
from handlers.training_jobs.search_space import parameter_ranges
from handlers.training_jobs.warm_start import problem_of, warm_start
from tests.handlers.environment import ENVIRONMENT, EVENTS

_PARENT = "flowers-ffffffffff-1"
_GRID = Settings.from_env(ENVIRONMENT | {"TUNING_STRATEGY": "Grid", "MAX_TUNING_JOBS": "200"})
_SIX = ("model_name", "weights", "image_size", "epochs", "augment", "seed")


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

    config = warm_start({**request_of, "TrainingJobDefinition": definition}, "flowers", world.ledger, world.settings)

    assert config.member["WarmStartConfig"]["WarmStartType"] == "IdenticalDataAndAlgorithm"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda job: job["TrainingJobDefinition"]["StaticHyperParameters"].pop("image_size"),
        lambda job: job["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"].update(Type="Minimize"),
        lambda job: job.update(HyperParameterTuningJobStatus="InProgress"),
        lambda job: job.pop("BestTrainingJob"),
        lambda job: job["TrainingJobStatusCounters"].update(Completed=499),
        lambda job: job["HyperParameterTuningJobConfig"].update(ParameterRanges=parameter_ranges(_GRID)),
        lambda job: job["TrainingJobDefinition"]["StaticHyperParameters"].update(dict.fromkeys(_SIX, '"other"')),
    ],
    ids=[
        "other hyperparameters",
        "other objective",
        "still running",
        "no best job",
        "too many jobs",
        "other types",
        "twelve changes",
    ],
)
def test_parent_that_sagemaker_would_refuse_is_left_out(world, request_of, spoil):
    """The tuning job starts all the same, from nothing."""
    spoil(world.sagemaker.tuning_jobs[_PARENT])

    member, sentence = warm_start(request_of, "flowers", world.ledger, world.settings)

    assert member == {}
    assert sentence.startswith(f"began anew; {_PARENT}: ")


def test_parent_that_is_gone_is_left_out(world, request_of):
    """SageMaker keeps jobs for long, not for ever."""
    del world.sagemaker.tuning_jobs[_PARENT]

    assert warm_start(request_of, "flowers", world.ledger, world.settings) == (
        {},
        f"began anew; {_PARENT}: it is gone",
    )


@pytest.mark.parametrize(
    "changes", [{"TUNING_WARM_START": "Off"}, {"TUNING_STRATEGY": "Grid"}, {"TUNING_STRATEGY": "Hyperband"}]
)
def test_warm_start_is_asked_for_and_of_use(world, request_of, changes):
    """Off is off; Grid and Hyperband look up nothing."""
    before = len(world.sagemaker.calls)

    settings = Settings.from_env(ENVIRONMENT | changes)
    assert warm_start(request_of, "flowers", world.ledger, settings) == ({}, "")
    assert len(world.sagemaker.calls) == before


def test_newest_parent_that_fits_is_taken(world, request_of):
    """After a tuning job that does not fit, such as a grid, the one before it teaches all the same."""
    newer = json.loads(json.dumps(world.sagemaker.tuning_jobs[_PARENT], default=str))
    newer["HyperParameterTuningJobConfig"]["ParameterRanges"] = parameter_ranges(_GRID)
    world.sagemaker.tuning_jobs["flowers-grid"] = newer | {"HyperParameterTuningJobName": "flowers-grid"}
    noted = {"tuning_job_name": "flowers-grid", "earlier_tuning_jobs": [_PARENT]}
    Dataset("flowers").change(world.ledger, noted)

    member, sentence = warm_start(request_of, "flowers", world.ledger, world.settings)

    assert member["WarmStartConfig"]["ParentHyperParameterTuningJobs"] == [{"HyperParameterTuningJobName": _PARENT}]
    assert sentence == f"began with what {_PARENT} has learned"


def test_last_tuning_jobs_of_a_dataset_are_kept(world, upload, end):
    """The newest first, as many as may be parents at once."""
    for number in range(KEPT_TUNING_JOBS + 2):
        name = upload(content=str(number))["ExecutionName"]
        Run(name, tuning_job_name=f"tuning-{number}").report(world.ledger)
        end(name)

    dataset = Dataset.get(world.ledger, "flowers")
    assert dataset
    assert dataset.tuning_jobs() == [f"tuning-{KEPT_TUNING_JOBS + 1 - back}" for back in range(KEPT_TUNING_JOBS)]


def test_record_says_what_the_tuning_job_began_with(world, request_of, event, lambda_context):
    """deploy.py status shows it; an execution that nobody noted stays unknown."""
    name = event("start_tuning_job")["ExecutionName"]
    assert Run.get(world.ledger, name) is None

    Run(name, status="RUNNING").report(world.ledger)
    world.sagemaker.tuning_jobs.pop(request_of["HyperParameterTuningJobName"])
    start_tuning_job.handler(event("start_tuning_job"), lambda_context)

    assert _noted(world, name) == f"began with what {_PARENT} has learned"


def test_parent_that_sagemaker_refuses_fails_no_run(world, request_of, event, lambda_context):
    """Where AWS counts otherwise than its page says, the tuning job begins anew and the record has AWS's words."""
    name = event("start_tuning_job")["ExecutionName"]
    Run(name, status="RUNNING").report(world.ledger)
    world.sagemaker.tuning_jobs.pop(request_of["HyperParameterTuningJobName"])
    world.sagemaker.faults_once = {"CreateHyperParameterTuningJob": [("ValidationException", "too many changes")]}

    start_tuning_job.handler(event("start_tuning_job"), lambda_context)

    assert "WarmStartConfig" not in world.sagemaker.request("CreateHyperParameterTuningJob")
    assert _noted(world, name).startswith("began anew; SageMaker refused the parent: ")


def _noted(world, execution_name):
    run = Run.get(world.ledger, execution_name)
    assert run
    return run.warm_start


_SETTINGS = st.fixed_dictionaries(
    {
        "TUNING_STRATEGY": st.sampled_from(["Bayesian", "Random", "Grid"]),
        "MAX_TUNING_JOBS": st.sampled_from(["2", "4", "40", "200"]),
        "TRAINABLE": st.sampled_from(["head", "full"]),
        "WEIGHTS": st.sampled_from(["imagenet", "none"]),
        "MODEL_NAME": st.sampled_from(["resnet18", "resnet50"]),
        "IMAGE_SIZE": st.sampled_from(["64", "224"]),
        "TUNING_EPOCHS": st.sampled_from(["5", "20"]),
        "AUGMENT": st.sampled_from(["none", "basic"]),
        "PATIENCE": st.sampled_from(["5", "9"]),
        "SEED": st.sampled_from(["1", "2"]),
        "TRAINING_SOURCE_S3_URI": st.sampled_from(["s3://code/a.tar.gz", "s3://code/b.tar.gz"]),
    }
)


@given(_SETTINGS, _SETTINGS)
def test_no_pair_of_settings_breaks_a_rule_of_sagemakers(before, after):
    """Whatever two runs of a dataset were set to: a parent is taken only where each rule of AWS's page holds."""
    parent, request = _tuning_request(before), _tuning_request(after)

    problem = problem_of(parent, request)

    assert not problem or before != after
    if problem:
        return
    old, new = _hyperparameters(parent), _hyperparameters(request)
    assert old.keys() == new.keys()
    tuned = [name for name in old if isinstance(old[name], tuple) and isinstance(new[name], tuple)]
    assert [name for name in tuned if old[name][0] != new[name][0]] == []
    fixed = [(old[name], value) for name, value in new.items() if isinstance(value, str) and old[name] != value]
    assert sum(2 if isinstance(was, str) else max(1, was[1]) for was, _ in fixed) <= 10


def _tuning_request(changes):
    """Return the request of a run under `changes`, also with what describes a tuning job that has completed."""
    payload = json.loads((EVENTS / "start_tuning_job.json").read_text())
    settings = Settings.from_env(ENVIRONMENT | changes | {"MAX_PARALLEL_TUNING_JOBS": "1"})
    ended = {"HyperParameterTuningJobStatus": "Completed", "BestTrainingJob": {}, "TrainingJobStatusCounters": {}}
    return start_tuning_job.tuning_job_request(StartTuningJobInput.model_validate(payload), settings) | ended


def _hyperparameters(job):
    """Return each hyperparameter's fixed value, or its type and how many values its category has."""
    ranges = job["HyperParameterTuningJobConfig"]["ParameterRanges"].items()
    tuned = {one["Name"]: (kind, len(one.get("Values", []))) for kind, given in ranges for one in given}
    return job["TrainingJobDefinition"]["StaticHyperParameters"] | tuned
