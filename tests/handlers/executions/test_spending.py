"""handlers/executions/spending.py: MaxRunDollars holds a run to the most that its jobs may cost."""

import pytest

from handlers.contract.settings import Settings
from handlers.executions.spending import objection
from handlers.ledger import Dataset
from tests.handlers.published import published
from tests.handlers.stored import stored

_JOBS = {"TUNING_MODE": "jobs"}  # a training job a trial, two at a time
_FOLDER = "s3://b/datasets/flowers/"
_MANUAL = {"Reason": "manual", "Dataset": "flowers"}


@pytest.mark.parametrize(("limit", "words"), [("0", ""), ("4.5", ""), ("4.40", "a run may cost $4.42"), ("1", "$4.42")])
def test_the_most_is_held_against_the_limit(environment, limit, words):
    """Features 1.47, tuning 1.47 on two GPUs, training 1.47; 0 is no limit."""
    text = objection(Settings.from_env(environment | _JOBS | {"MAX_RUN_DOLLARS": limit}), _FOLDER)

    assert (words in text) if words else text == ""


def test_the_refusal_says_what_each_job_costs(environment):
    """A person sees which limit to lower."""
    text = objection(Settings.from_env(environment | _JOBS | {"MAX_RUN_DOLLARS": "1"}), _FOLDER)

    assert (
        "(features $1.47, tuning $1.47, training $1.47, each at its time limit), which is above MaxRunDollars=1" in text
    )


def test_an_archive_may_be_unpacked_by_a_job(environment):
    """One more than a folder has, with the training job's limit of time."""
    text = objection(Settings.from_env(environment | _JOBS | {"MAX_RUN_DOLLARS": "1"}), "s3://b/datasets/flowers.zip")

    assert "a run may cost $5.89 (unpacking $1.47, features $1.47" in text


def test_all_trials_in_one_job_are_one_instance_and_what_is_kept(environment):
    """Tuning has one instance then, and two jobs may keep theirs for the next one."""
    text = objection(Settings.from_env(environment | {"MAX_RUN_DOLLARS": "1"}), _FOLDER)

    assert "a run may cost $3.80 (features $1.53, tuning $0.80, training $1.47" in text


@pytest.mark.parametrize("prices", ["", "ml.m5.xlarge=0.23", "ml.g4dn.xlarge=", "ml.g4dn.xlarge=nan"])
def test_an_unknown_price_lets_nothing_start(environment, prices):
    """What may cost anything is not below a limit; without one nobody asks."""
    unknown = environment | {"INSTANCE_PRICES": prices}

    limited = Settings.from_env(unknown | {"MAX_RUN_DOLLARS": "100"})
    assert "InstancePrices=ml.g4dn.xlarge=DOLLARS" in objection(limited, _FOLDER)
    assert objection(Settings.from_env(unknown), _FOLDER) == ""


def test_a_dear_run_is_not_started_and_told_once(world, upload, start, monkeypatch):
    """The upload starts nothing; the reason stands in the dataset's row, and goes out as one message."""
    monkeypatch.setenv("MAX_RUN_DOLLARS", "1")

    first, second = upload(), start(_MANUAL)

    assert [first["Started"], second["Started"]] == [False, False]
    assert "which is above MaxRunDollars=1" in first["Reason"]
    assert stored(Dataset, world.ledger, "flowers").skip_reason == first["Reason"]
    assert world.executions() == []
    assert published(world) == [("retriever: dataset flowers not started", first["Reason"])]


def test_a_model_that_serves_again_costs_nothing(world, served, start, monkeypatch):
    """No state that pays is entered, so no limit stands against it."""
    world.sagemaker.serve(config="other-0123456789ab-1")
    monkeypatch.setenv("MAX_RUN_DOLLARS", "0.01")

    assert "not started" not in start(_MANUAL)["Reason"]
