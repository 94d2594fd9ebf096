"""handlers/training_jobs/jobs.py: what SageMaker is asked for, and how a job is stopped."""

import json

import pytest

from handlers.contract.settings import Settings
from handlers.contract.states import Dataset, Features
from handlers.training_jobs import jobs
from tests.handlers.environment import ENVIRONMENT
from training.config import parse_config


@pytest.fixture
def dataset(event):
    return Dataset.model_validate(event("start_tuning_job")["Dataset"])


def test_hyperparameters_decode_to_what_they_were(settings, dataset):
    """The toolkit decodes JSON: a fingerprint of digits must stay text."""
    digits = dataset.model_copy(update={"fingerprint": "1" * 64})

    hyperparameters = jobs.static_hyperparameters(settings, digits, 5)

    assert all(isinstance(value, str) for value in hyperparameters.values())
    decoded = {name: json.loads(value) for name, value in hyperparameters.items()}
    assert decoded["dataset_fingerprint"] == "1" * 64
    assert (decoded["epochs"], decoded["model_name"], decoded["seed"]) == (5, "resnet18", 17)


def test_train_py_takes_what_is_passed_on(dataset):
    """Each setting in detail arrives under the flag's own name, as its own type."""
    given = {"CLASS_BALANCE": "loss", "MIXUP": "0.2", "CUTMIX": "1", "RANDAUGMENT": "9", "EMA_DECAY": "0.99",
             "PROGRESSIVE_RESIZE": "0.5", "ACCUMULATE": "4", "TRAINABLE": "full"}  # fmt: skip

    sent = jobs.static_hyperparameters(Settings.from_env(ENVIRONMENT | given), dataset, 5)

    flags = [f"--{name}={json.loads(sent[name])}" for name in (*jobs.PASSED_ON, "trainable")]
    config = parse_config([*flags, "--train", "a", "--validation", "b"], {})
    assert [getattr(config, name) for name in jobs.PASSED_ON] == ["loss", 0.2, 1.0, 9, 0.99, 0.5, 4]


def test_channels_are_manifests_and_classes(settings, dataset):
    """Trials do not see the test split."""
    names = [channel["ChannelName"] for channel in jobs.image_channels(settings, dataset, with_test=False)]
    final = {channel["ChannelName"]: channel for channel in jobs.image_channels(settings, dataset, with_test=True)}

    assert names == ["train", "validation", "classes"]
    assert final["test"]["DataSource"]["S3DataSource"]["S3DataType"] == "ManifestFile"
    assert final["classes"]["DataSource"]["S3DataSource"]["S3Uri"] == dataset.classes_s3_uri


def test_weights_are_a_channel_when_they_are_given(dataset):
    """WEIGHTS=channel takes them from S3."""
    settings = Settings.from_env({**ENVIRONMENT, "WEIGHTS": "channel", "WEIGHTS_S3_URI": "s3://b/weights/"})

    assert jobs.image_channels(settings, dataset, with_test=False)[-1]["ChannelName"] == "weights"


def test_tags_are_ones_that_aws_takes(settings, dataset):
    """A dataset name may hold anything; a tag may not."""
    odd = dataset.model_copy(update={"name": "qu'te %🌹" + "x" * 300})

    values = {tag["Key"]: tag["Value"] for tag in jobs.tags(settings, "e", odd)}

    assert values["retriever:Dataset"].startswith("qu_te __xxx")
    assert len(values["retriever:Dataset"]) == 256
    assert values["retriever:Stack"] == settings.stack_name


_FEATURES = Features(features_s3_uri="s3://b/features/k/j/output/model/", key="k")


def test_features_take_the_place_of_the_images(settings, dataset):
    """Trials read features and class names alone; the final job has the images it is judged on too."""
    trial = jobs.job_channels(settings, dataset, _FEATURES, with_test=False)
    final = jobs.job_channels(settings, dataset, _FEATURES, with_test=True)

    assert [channel["ChannelName"] for channel in trial] == ["features", "classes"]
    assert [channel["ChannelName"] for channel in final] == ["features", "validation", "test", "classes"]
    assert trial[0]["DataSource"]["S3DataSource"]["S3Uri"] == _FEATURES.features_s3_uri


def test_final_job_on_features_needs_the_backbone_too(dataset):
    """The model that is deployed has it, so given weights come along."""
    settings = Settings.from_env({**ENVIRONMENT, "WEIGHTS": "channel", "WEIGHTS_S3_URI": "s3://b/weights/"})

    final = jobs.job_channels(settings, dataset, _FEATURES, with_test=True)

    assert "weights" in [channel["ChannelName"] for channel in final]


def test_spot_jobs_wait_at_least_as_long_as_they_may_run():
    """SageMaker refuses a MaxWaitTimeInSeconds below MaxRuntimeInSeconds."""
    settings = Settings.from_env({**ENVIRONMENT, "USE_SPOT": "true", "SPOT_MAX_WAIT_SECONDS": "600"})

    short, long = jobs.spot(settings, 60, "s3://b/checkpoints/e"), jobs.spot(settings, 7200)

    assert short == {
        "EnableManagedSpotTraining": True,
        "StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 600},
        "CheckpointConfig": {"S3Uri": "s3://b/checkpoints/e"},
    }
    assert long["StoppingCondition"]["MaxWaitTimeInSeconds"] == 7200
    assert "CheckpointConfig" not in long


def test_jobs_on_demand_have_no_wait(settings):
    """SageMaker refuses MaxWaitTimeInSeconds without spot."""
    assert jobs.spot(settings, 60, "s3://b/checkpoints/e") == {"StoppingCondition": {"MaxRuntimeInSeconds": 60}}


def test_stopping_is_quiet_about_what_is_not_running(world):
    """Nothing of that name, ended already, or an endpoint, which cannot be stopped."""
    assert not jobs.stop_job("training", "nothing")
    assert not jobs.stop_job("tuning", "nothing")
    assert not jobs.stop_job("endpoint", "retriever")
    assert world.sagemaker.operations() == ["DescribeTrainingJob", "DescribeHyperParameterTuningJob"]


def test_final_job_reads_the_splits_that_were_examined(settings, dataset):
    """What leaks has left validation and test: their manifests are those beside the features."""
    final = jobs.job_channels(settings, dataset, _FEATURES, with_test=True)

    uris = {one["ChannelName"]: one["DataSource"]["S3DataSource"]["S3Uri"] for one in final}
    assert uris["test"] == f"{_FEATURES.features_s3_uri}test.manifest"
    assert uris["validation"] == f"{_FEATURES.features_s3_uri}validation.manifest"
    assert "train" not in uris


@pytest.mark.parametrize("with_test", [False, True])
def test_jobs_on_images_read_what_was_examined(dataset, with_test):
    """Tuning too: its splits are without what leaks, and it looks at no picture a second time."""
    full = Settings.from_env({**ENVIRONMENT, "TRAINABLE": "full"})

    channels = jobs.job_channels(full, dataset, _FEATURES, with_test=with_test)

    uris = {one["ChannelName"]: one["DataSource"]["S3DataSource"]["S3Uri"] for one in channels}
    place = _FEATURES.features_s3_uri
    splits = ("train", "validation", "test") if with_test else ("train", "validation")
    assert uris == {
        "examination": f"{place}findings.json",
        "classes": dataset.classes_s3_uri,
        **{name: f"{place}{name}.manifest" for name in splits},
    }
