"""handlers/executions/finished.py: what has finished is found again, and counted in jobs that were paid."""

import copy
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from handlers import aws, resume_execution, start_training_job, start_tuning_job
from handlers.contract.errors import ModelRejectedError
from handlers.contract.states import JobKind, ReportOutcomeInput
from handlers.executions.finished import find
from handlers.executions.records import reason
from handlers.ledger import Run, RunStatus, Token, Work
from tests.handlers.environment import BUCKET
from tests.handlers.paying import complete, dataset_of, paid, pay, trials_json
from tests.handlers.stored import stored

_FIRST, _SECOND = "flowers-0123456789ab-1", "flowers-ba9876543210-1"
_ALL = Counter(features=1, tuning=1, training=1)


@pytest.fixture
def first(world, sent, event, lambda_context):
    """Give the state of an execution that has paid for everything."""
    state = pay(world, sent, lambda_context, _FIRST, dataset_of(world, event))
    assert paid(world) == _ALL
    return state


@pytest.fixture
def again(world, sent, event, lambda_context):
    """Give a call that runs another execution on this content, and returns what it paid for and its state."""

    def call(content="1", name=_SECOND):
        before = paid(world)
        state = pay(world, sent, lambda_context, name, dataset_of(world, event, content))
        return paid(world) - before, state

    return call


_CHANGES = {
    ("ACCURACY_THRESHOLD", "0.5"): Counter(),
    ("MIN_CLASS_RECALL", "0.1"): Counter(),
    ("INFERENCE_IMAGE_URI", "123456789012.dkr.ecr.us-east-1.amazonaws.com/pytorch-inference:2.7-cpu"): Counter(),
    ("ENDPOINT_INSTANCE_TYPE", "ml.c5.large"): Counter(),
    ("TRAINING_MAX_RUNTIME_SECONDS", "9000"): Counter(),
    ("USE_SPOT", "true"): Counter(),
    ("EPOCHS", "21"): Counter(training=1),
    ("TUNING_EPOCHS", "6"): Counter(tuning=1),  # it finds the same values, so nothing is trained on them twice
    ("MIXUP", "0.2"): Counter(tuning=1, training=1),
    ("IMAGE_SIZE", "160"): _ALL,
    ("TRAINING_SOURCE_S3_URI", "s3://retriever-artifacts/ffff/sourcedir.tar.gz"): _ALL,
}


def test_a_changed_setting_pays_for_what_it_bears_on(first, again, monkeypatch):
    """From the first state on whose result it bears, and for nothing before that."""
    jobs = {}
    for number, (variable, value) in enumerate(_CHANGES):
        with monkeypatch.context() as patch:
            patch.setenv(variable, value)
            jobs[variable, value] = again(name=f"flowers-ba98765432{number:02}-1")[0]

    assert jobs == _CHANGES


def test_other_pictures_pay_for_everything(first, again):
    """No result of other data is taken for theirs."""
    assert again(content="2")[0] == _ALL


def test_another_champion_is_scored_by_a_final_job(world, first, again):
    """The final job scores what serves beside its own model, so it is paid anew; the search is not."""
    world.sagemaker.serve()
    world.put("runs/old-config/training/old-config/output/model.tar.gz")

    assert again()[0] == Counter(training=1)


def test_a_refused_model_is_judged_again_for_nothing(world, sent, event, lambda_context, again, monkeypatch):
    """The threshold is lowered after the gate's no: the same model is accepted, and no job is started."""
    with pytest.raises(ModelRejectedError, match=r"below the threshold 0\.9"):
        pay(world, sent, lambda_context, _FIRST, dataset_of(world, event), top1=0.8)
    monkeypatch.setenv("ACCURACY_THRESHOLD", "0.75")

    jobs, state = again()

    assert jobs == Counter()
    assert state["Training"]["TrainingJobName"] == _FIRST
    assert (state["Evaluation"]["Accuracy"], state["Evaluation"]["Threshold"]) == (0.8, 0.75)


def test_what_was_found_is_said(world, first, again):
    """In the state, and in the record, by the run that paid."""
    Run(_SECOND, status=RunStatus.RUNNING, started_at="2026").note(world.ledger)

    _, state = again()

    assert {state[part]["FoundIn"] for part in ("Features", "Tuning", "Training")} == {_FIRST}
    assert {first[part]["FoundIn"] for part in ("Features", "Tuning", "Training")} == {""}
    assert (first["Training"]["BillableSeconds"], state["Training"]["BillableSeconds"]) == (61, 0)
    reused = stored(Run, world.ledger, _SECOND).reused
    assert reused == [f"{what} of run {_FIRST}" for what in ("examination", "tuning", "training", "model package")]


def test_the_sentence_of_a_run_says_what_was_found(first, again, world, event):
    """Which the notification carries."""
    state = again()[1] | {"Endpoint": {"EndpointName": "retriever"}}
    told = {"ExecutionName": _SECOND, "Status": "SUCCEEDED"}

    later = reason(ReportOutcomeInput.from_event(told | {"State": state}), world.settings)
    earlier = reason(ReportOutcomeInput.from_event(told | {"State": first}), world.settings)

    assert f"found, nothing paid: examination of run {_FIRST}, tuning of run {_FIRST}, training of run" in later
    assert "found" not in earlier


@pytest.mark.parametrize(
    ("redo_from", "jobs"),
    [
        ("ComputeFeatures", _ALL),
        ("StartTuningJob", Counter(tuning=1, training=1)),
        ("StartTrainingJob", Counter(training=1)),
        ("EvaluateModel", Counter()),
    ],
)
def test_a_run_that_is_to_redo_takes_nothing_from_there_on(world, first, again, redo_from, jobs):
    """And what it made is what the next one takes."""
    Run(_SECOND, status=RunStatus.RUNNING, started_at="2026", redo_from=redo_from).note(world.ledger)

    assert again()[0] == jobs
    taken = again(name="flowers-0123456789ab-3")[1]["Training"]["FoundIn"]
    assert taken == (_SECOND if jobs else _FIRST)


_TUNING, _JOB = "flowers-0123456789-1", _FIRST


_OUTPUT = f"runs/{_FIRST}/training/{_FIRST}/output"
_TRIALS = f"{_FIRST}-tuning"
_SPOILT = {
    "tuning gone": ("tuning", lambda fake: fake.tuning_jobs.pop(_TUNING)),
    "tuning stopped": ("tuning", lambda fake: _tuning_is(fake, "Stopped")),
    "tuning failed": ("tuning", lambda fake: _tuning_is(fake, "Failed")),
    "tuning runs": ("tuning", lambda fake: _tuning_is(fake, "InProgress")),
    "no best training job": ("tuning", lambda fake: fake.tuning_jobs[_TUNING].pop("BestTrainingJob")),
    "trials gone": ("trials", lambda fake: fake.training_jobs.pop(_TRIALS)),
    "trials stopped": ("trials", lambda fake: fake.training_jobs[_TRIALS].update(TrainingJobStatus="Stopped")),
    "trials without a result": ("trials", lambda fake: _write_trials("{}")),
    "not one trial with a result": ("trials", lambda fake: _write_trials(trials_json(objective=None))),
    "trials written over since": (
        "trials",
        lambda fake: fake.training_jobs[_TRIALS].update(TrainingEndTime=datetime.now(UTC) - timedelta(hours=1)),
    ),
    "training gone": ("training", lambda fake: fake.training_jobs.pop(_JOB)),
    "training stopped": ("training", lambda fake: fake.training_jobs[_JOB].update(TrainingJobStatus="Stopped")),
    "training failed": ("training", lambda fake: fake.training_jobs[_JOB].update(TrainingJobStatus="Failed")),
    "artifact gone": ("training", lambda fake: _delete("model.tar.gz")),
    "output gone": ("training", lambda fake: _delete("output.tar.gz")),
    "written over since": (
        "training",
        lambda fake: fake.training_jobs[_JOB].update(TrainingEndTime=datetime.now(UTC) - timedelta(hours=1)),
    ),
}


def _tuning_is(fake, status):
    fake.tuning_jobs[_TUNING].update(HyperParameterTuningJobStatus=status)


def _write_trials(text):
    aws.s3().put_object(Bucket=BUCKET, Key=f"runs/{_FIRST}/tuning/{_TRIALS}/output/model/trials.json", Body=text)


def _delete(name):
    aws.s3().delete_object(Bucket=BUCKET, Key=f"{_OUTPUT}/{name}")


@pytest.mark.parametrize("mode", ["jobs", "auto"])
def test_what_is_not_surely_whole_is_not_taken(world, sent, event, lambda_context, monkeypatch, mode):
    """What a failed attempt wrote never counts, nor what is no longer as its job left it."""
    monkeypatch.setenv("TUNING_MODE", mode)
    first = pay(world, sent, lambda_context, _FIRST, dataset_of(world, event))
    tuning: JobKind = "tuning" if mode == "jobs" else "trials"
    works = {one.name.partition("#")[0]: one.name for one in Work.all(world.ledger)}
    tokens = {kind: Token("arn:x", kind, execution_name=_SECOND) for kind in (tuning, "training")}
    work = {tuning: works["StartTuningJob"], "training": works["StartTrainingJob"]}
    fake, kept = world.sagemaker, copy.deepcopy((world.sagemaker.tuning_jobs, world.sagemaker.training_jobs))
    taken = []
    for spoilt, (kind, spoil) in _SPOILT.items():
        if kind not in work:
            continue
        assert find(work[kind], tokens[kind], world.ledger) is not None, spoilt
        spoil(fake)
        taken += [spoilt] if find(work[kind], tokens[kind], world.ledger) else []
        fake.tuning_jobs, fake.training_jobs = copy.deepcopy(kept)
        complete(world, "training", _JOB, first["Dataset"])
        if mode == "auto":
            complete(world, "trials", _TRIALS, first["Dataset"])

    assert taken == []


def test_what_may_have_read_other_pictures_is_not_taken(world, first, again):
    """They changed under the run that paid, so its jobs count for no content, not even for that which is back."""
    Run(_FIRST, status=RunStatus.FAILED, started_at="2026", error="DatasetChangedError").note(world.ledger)

    assert again()[0] == Counter(tuning=1, training=1)


def test_a_failed_repetition_leaves_the_first_result(world, first, again, sent, event, lambda_context):
    """A run that was to train again came to nothing: the next one takes what was there before."""
    Run(_SECOND, status=RunStatus.RUNNING, started_at="2026", redo_from="StartTrainingJob").note(world.ledger)
    state = {part: first[part] for part in ("Dataset", "Features", "Tuning")}
    start_training_job.handler({"ExecutionName": _SECOND, "TaskToken": "x", **state}, lambda_context)
    world.sagemaker.training_jobs[_SECOND]["TrainingJobStatus"] = "Failed"
    resume_execution.handler({"Sweep": True}, lambda_context)

    jobs, later = again(name="flowers-0123456789ab-3")

    assert jobs == Counter()
    assert later["Training"]["TrainingJobName"] == _FIRST


def test_a_retried_state_keeps_to_its_own_job(world, first, sent, event, lambda_context):
    """It has begun one, as it was told to; what others have finished meanwhile does not count."""
    Run(_SECOND, status=RunStatus.RUNNING, started_at="2026", redo_from="StartTuningJob").note(world.ledger)
    payload = {"ExecutionName": _SECOND, "TaskToken": "1", **{part: first[part] for part in ("Dataset", "Features")}}
    name = start_tuning_job.handler(payload, lambda_context)["TuningJobName"]
    Run(_SECOND).change(world.ledger, {"redo_from": None})
    told = len(sent.answers)

    assert start_tuning_job.handler(payload | {"TaskToken": "2"}, lambda_context)["TuningJobName"] == name
    assert len(sent.answers) == told
    complete(world, "trials", name, first["Dataset"])
