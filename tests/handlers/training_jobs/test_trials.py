"""handlers/training_jobs/trials.py: all trials of a search in one training job, from its request to its best values."""

import json

import pytest

from handlers import aws, report_outcome, resume_execution, start_tuning_job
from handlers.contract.settings import Settings
from handlers.contract.states import StartTuningJobInput
from handlers.executions.endings import end
from handlers.ledger import Dataset, Run, Token
from handlers.training_jobs.search_space import parameter_ranges
from handlers.training_jobs.trials import in_one_job, trials_job_request, trials_s3_uri
from tests.handlers.environment import BUCKET, ENVIRONMENT, EXECUTION
from tests.handlers.paying import complete, trials_json
from training.config import parse_config
from training.tuning.settings import divided, parse_tuning
from training.tuning.space import read_space

_NAME = f"{EXECUTION}-tuning"
_FEATURES = {"FeaturesS3Uri": "s3://retriever-data/features/k/", "Key": "k"}


@pytest.fixture
def payload(event):
    """Give the input of a StartTuningJob whose features are kept."""
    return event("start_tuning_job") | {"Features": _FEATURES}


@pytest.fixture
def waiting(world, sent, payload, lambda_context):
    """Let a running execution wait for its trials; give a call that tells of the job's end, and what was answered."""
    world.start_execution()
    assert start_tuning_job.handler(payload, lambda_context) == {"TuningJobName": _NAME}
    assert sent.answers == []

    def tell():
        job = world.sagemaker.training_jobs[_NAME]
        detail = {"TrainingJobArn": job["TrainingJobArn"]}
        event = {"detail-type": "SageMaker Training Job State Change", "source": "aws.sagemaker", "detail": detail}
        resume_execution.handler(event, lambda_context)
        return sent.answers[-1]

    return tell


@pytest.mark.parametrize("strategy", ["Bayesian", "Random", "Grid", "Hyperband"])
def test_the_job_takes_what_the_request_says(payload, strategy):
    """Every hyperparameter is one that tune.py knows, and the space is that of a tuning job, to the letter."""
    settings = Settings.from_env(ENVIRONMENT | {"TUNING_STRATEGY": strategy, "MAX_TUNING_JOBS": "8"})

    values = trials_job_request(StartTuningJobInput.from_event(payload), settings)["HyperParameters"]

    flags = [f"--{name}={json.loads(text)}" for name, text in values.items() if not name.startswith("sagemaker_")]
    own, others = divided([flag.replace("=False", "=false") for flag in flags])
    tuning, config = parse_tuning(own, {}), parse_config([*others, "--features", "f"], {})
    assert json.loads(tuning.search_space) == parameter_ranges(settings)
    assert {one.name for one in read_space(tuning.search_space)} == {
        one["Name"] for kind in parameter_ranges(settings).values() for one in kind
    }
    max_trials = 6 if strategy == "Grid" else 8  # a grid has no more combinations
    assert (tuning.tuning_strategy, tuning.max_trials, tuning.early_stopping) == (strategy, max_trials, "Auto")
    assert (config.epochs, config.seed, config.save_model, config.is_head_alone) == (5, 17, False, True)
    assert json.loads(values["sagemaker_program"]) == "training/tune.py"
    assert max(map(len, values.values())) <= 2500  # SageMaker's limit of a value


def test_trials_see_neither_test_nor_images(payload, settings):
    """The features hold train and validation; the output is left as plain files, and the time limit is tuning's."""
    request = trials_job_request(StartTuningJobInput.from_event(payload), settings)

    assert [channel["ChannelName"] for channel in request["InputDataConfig"]] == ["features", "classes"]
    assert request["OutputDataConfig"] == {
        "S3OutputPath": f"s3://retriever-data/runs/{EXECUTION}/tuning", "CompressionType": "NONE",
    }  # fmt: skip
    assert request["StoppingCondition"]["MaxRuntimeInSeconds"] == settings.tuning_max_runtime_seconds


@pytest.mark.parametrize(
    ("mode", "trainable", "features", "expected"),
    [
        ("auto", "head", "s3://b/f/", True),
        ("one_job", "head", "s3://b/f/", True),
        ("jobs", "head", "s3://b/f/", False),
        ("auto", "full", "s3://b/f/", False),
        ("auto", "head", "", False),  # of an execution that began under an older version
    ],
)
def test_mode_says_in_how_many_jobs(payload, mode, trainable, features, expected):
    """One for all where heads are trained on features that are there, unless jobs are asked for."""
    settings = Settings.from_env(ENVIRONMENT | {"TUNING_MODE": mode, "TRAINABLE": trainable})
    step = StartTuningJobInput.from_event(payload | {"Features": {**_FEATURES, "FeaturesS3Uri": features}})

    assert in_one_job(settings, step.features) is expected


def test_the_best_trial_is_the_result(world, waiting):
    """As a tuning job reports its best training job; nothing is left that waits."""
    complete(world, "trials", _NAME, {})

    operation, answer = waiting()

    output = json.loads(answer["output"])
    assert operation == "SendTaskSuccess"
    assert (output["TuningJobName"], output["BestObjective"], output["HyperParameters"]) == (
        _NAME, 0.9375, {"lr": "0.01"},
    )  # fmt: skip
    assert list(Token.all(world.ledger)) == []


def test_stopped_at_its_limit_it_has_a_result(world, waiting):
    """What was found until then counts, as in a tuning job."""
    complete(world, "trials", _NAME, {})
    world.sagemaker.training_jobs[_NAME].update(TrainingJobStatus="Stopped", SecondaryStatus="MaxRuntimeExceeded")

    assert waiting()[0] == "SendTaskSuccess"


_LEFT = {
    "nothing": (None, "it left no trials.json"),
    "no object": ("", "it left no trials.json"),
    "no JSON": ("{", "its trials.json is not what training/tune.py writes"),
    "no text": (b"\xff\xfe", "its trials.json is not what training/tune.py writes"),
    "another shape": ("[]", "its trials.json is not what training/tune.py writes"),
    "a number in quotes": (trials_json(lr="1").replace("0.9375", '"0.9375"'), "is not what training/tune.py writes"),
    "no number": (trials_json(lr="1").replace("0.9375", "NaN"), "is not what training/tune.py writes"),
    "no best": (trials_json(objective=None), "not one of its 2 trials gave a result"),
    "a best that is none": (trials_json(lr="1").replace('"best_trial": 2', '"best_trial": 1'), "not one of its 2"),
}


@pytest.mark.parametrize("left", _LEFT)
def test_a_job_without_a_best_trial_says_why(world, waiting, left):
    """Whatever lies there, the state fails with one sentence, and is not asked about for ever."""
    complete(world, "trials", _NAME, {})
    text, message = _LEFT[left]
    job = world.sagemaker.training_jobs[_NAME]
    key = trials_s3_uri(job).removeprefix(f"s3://{BUCKET}/")
    if text:
        world.put(key, text)
    elif text == "":
        aws.s3().delete_object(Bucket=BUCKET, Key=key)
    else:
        job.pop("ModelArtifacts")

    operation, answer = waiting()

    assert (operation, answer["error"]) == ("SendTaskFailure", "TuningJobFailedError")
    assert message in answer["cause"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"TrainingJobStatus": "Failed", "FailureReason": "AlgorithmError: not one of 8 trials gave a result"},
            "ended Failed: not one of 8 trials gave a result; see log group",
        ),
        (
            {"TrainingJobStatus": "Stopped", "SecondaryStatus": "MaxRuntimeExceeded"},
            "raise the parameter TuningMaxRuntimeSeconds or lower MaxTuningJobs",
        ),
        ({"TrainingJobStatus": "Stopped"}, "was stopped by someone"),
    ],
)
def test_a_failed_job_tells_its_reason(world, waiting, changes, message):
    """With the parameters that are tuning's."""
    world.sagemaker.training_jobs[_NAME].update(changes)

    operation, answer = waiting()

    assert (operation, answer["error"]) == ("SendTaskFailure", "TuningJobFailedError")
    assert message in answer["cause"]


def test_a_failed_execution_stops_its_trials(world, waiting, event, lambda_context):
    """They would be billed on."""
    report_outcome.handler(event("report_outcome_failed"), lambda_context)

    assert world.sagemaker.training_jobs[_NAME]["TrainingJobStatus"] == "Stopping"


def test_a_training_job_is_no_parent_of_a_tuning_job(world, settings):
    """Only a tuning job can be begun with; what an earlier one has learned stays noted."""
    for name, tuning in (("a", "flowers-0123456789-1"), ("b", _NAME)):
        Run(name, status="SUCCEEDED", started_at="2026", dataset="flowers", tuning_job_name=tuning).note(world.ledger)
        Dataset("flowers", execution_name=name).launch(world.ledger)
        end(name, "SUCCEEDED", world.ledger, settings)

    noted = Dataset.get(world.ledger, "flowers")
    assert noted is not None
    assert noted.tuning_jobs() == ["flowers-0123456789-1"]
