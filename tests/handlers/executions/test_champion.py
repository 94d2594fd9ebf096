"""handlers/executions/champion.py: which model serves, and what the training job is told of it."""

import pytest

from handlers.executions.champion import NO_CHAMPION, champion

_FOLDER = "runs/old-config/training/old-config/output/"


def test_where_nothing_serves_there_is_no_champion(world, settings):
    """The first model is held to the threshold alone."""
    assert champion(world.ledger, settings) == NO_CHAMPION
    assert (NO_CHAMPION.channels(), NO_CHAMPION.hyperparameters()) == ([], {})


def test_champion_is_the_model_that_the_endpoint_serves(world, settings):
    """The whole output of its training job is handed over: the artifact, and the record of what it learned from."""
    world.sagemaker.serve()
    world.put(f"{_FOLDER}model.tar.gz")

    serving = champion(world.ledger, settings)

    (channel,) = serving.channels()
    assert channel["ChannelName"] == "champion"
    assert channel["DataSource"]["S3DataSource"]["S3Uri"] == f"s3://retriever-data/{_FOLDER}"
    assert serving.hyperparameters() == {"champion_name": '"old-config"'}


@pytest.mark.parametrize("status", ["Failed", "Deleting", "OutOfService"])
def test_endpoint_that_serves_nothing_has_no_champion(world, settings, status):
    """It is replaced whatever its model was."""
    world.sagemaker.serve()
    world.sagemaker.end_update(status=status)

    assert champion(world.ledger, settings) == NO_CHAMPION


def test_artifact_that_is_gone_is_said(world, settings):
    """A training job with a channel of nothing would fail; the gate is told instead."""
    world.sagemaker.serve()

    serving = champion(world.ledger, settings)

    assert serving.channels() == []
    assert (
        serving.hyperparameters()["champion_problem"]
        == f'"its artifact s3://retriever-data/{_FOLDER}model.tar.gz is gone"'
    )


@pytest.mark.parametrize("lost", ["endpoint_configs", "models"])
def test_config_or_model_deleted_by_hand_is_said(world, settings, lost):
    """The endpoint serves on without them, until it needs another instance."""
    world.sagemaker.serve()
    getattr(world.sagemaker, lost).clear()

    assert champion(world.ledger, settings).problem == "its endpoint config or model was deleted"


@pytest.mark.parametrize("container", [{}, {"ModelDataUrl": "s3://elsewhere/runs/model.tar.gz"}])
def test_model_of_another_making_is_not_asked(world, settings, container):
    """The training job's role reads this stack's runs alone."""
    world.sagemaker.serve()
    world.sagemaker.models["old-config"]["PrimaryContainer"] = container

    assert "is none of this stack's training jobs" in champion(world.ledger, settings).problem
