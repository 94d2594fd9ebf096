"""handlers/jobs.py and search_space.py: what SageMaker is asked for, and what it reads from the log."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers import jobs
from handlers.contract import Dataset
from handlers.search_space import OBJECTIVE_METRIC, parameter_ranges, untuned
from handlers.settings import Settings
from tests.handlers.conftest import ENVIRONMENT

_NUMBERS = st.floats() | st.floats(0, 1)


def scraped(line):
    """Return metric -> value, as SageMaker reads a line."""
    found = {}
    for definition in jobs.METRIC_DEFINITIONS:
        if match := re.search(definition["Regex"], line):
            found[definition["Name"]] = match[1]
    return found


@given(_NUMBERS, _NUMBERS, _NUMBERS, _NUMBERS)
def test_epoch_line_gives_four_metrics(train_loss, train_top1, validation_loss, validation_top1):
    """Any number Python prints is read whole, NaN and infinity too; an epoch never looks like a best or a test."""
    line = (
        f"epoch=3 train_loss={train_loss} train_top1={train_top1} validation_loss={validation_loss} "
        f"validation_top1={validation_top1} seconds=1.23 images_per_second=456"
    )

    assert scraped(line) == {
        "train:loss": str(train_loss),
        "train:top1": str(train_top1),
        "validation:loss": str(validation_loss),
        "validation:top1": str(validation_top1),
    }


@given(_NUMBERS)
def test_best_line_gives_the_objective_alone(best):
    """best_validation_top1 is not taken for an epoch's validation_top1."""
    assert scraped(f"best_epoch=7 best_validation_top1={best}") == {"validation:best_top1": str(best)}


@given(_NUMBERS)
def test_test_line_gives_the_test_accuracy(top1):
    """The loss beside it is no metric."""
    assert scraped(f"test_loss=0.25 test_top1={top1}") == {"test:top1": str(top1)}


def test_objective_is_a_metric():
    """The tuning job maximises something that is read."""
    assert OBJECTIVE_METRIC in {definition["Name"] for definition in jobs.METRIC_DEFINITIONS}


@pytest.fixture
def dataset(event):
    return Dataset.model_validate(event("start_tuning_job")["Dataset"])


def test_hyperparameters_decode_to_what_they_were(settings, dataset):
    """The toolkit decodes JSON: a fingerprint of digits must stay text."""
    digits = dataset.model_copy(update={"fingerprint": "1" * 64})

    found = jobs.static_hyperparameters(settings, digits, 5)

    assert all(isinstance(value, str) for value in found.values())
    decoded = {name: json.loads(value) for name, value in found.items()}
    assert decoded["dataset_fingerprint"] == "1" * 64
    assert (decoded["epochs"], decoded["model_name"], decoded["seed"]) == (5, "resnet18", 17)


def test_channels_are_manifests_and_classes(settings, dataset):
    """Trials do not see the test split."""
    names = [channel["ChannelName"] for channel in jobs.channels(settings, dataset, with_test=False)]
    final = {channel["ChannelName"]: channel for channel in jobs.channels(settings, dataset, with_test=True)}

    assert names == ["train", "validation", "classes"]
    assert final["test"]["DataSource"]["S3DataSource"]["S3DataType"] == "ManifestFile"
    assert final["classes"]["DataSource"]["S3DataSource"]["S3Uri"] == dataset.classes_s3_uri


def test_weights_are_a_channel_when_they_are_given(dataset):
    """WEIGHTS=channel takes them from S3."""
    settings = Settings.from_env({**ENVIRONMENT, "WEIGHTS": "channel", "WEIGHTS_S3_URI": "s3://b/weights/"})

    assert jobs.channels(settings, dataset, with_test=False)[-1]["ChannelName"] == "weights"


def test_tags_are_ones_that_aws_takes(dataset):
    """A dataset name may hold anything; a tag may not."""
    odd = dataset.model_copy(update={"name": "qu'te %🌹" + "x" * 300})

    values = {tag["Key"]: tag["Value"] for tag in jobs.tags("e", odd)}

    assert values["retriever:Dataset"].startswith("qu_te __xxx")
    assert len(values["retriever:Dataset"]) == 256


@pytest.mark.parametrize("strategy", ["Bayesian", "Random", "Hyperband", "Grid"])
def test_every_hyperparameter_is_tuned_or_set(strategy):
    """Whatever the strategy, a job gets all five."""
    settings = Settings.from_env({**ENVIRONMENT, "TUNING_STRATEGY": strategy})

    ranges = parameter_ranges(settings)

    tuned = {parameter["Name"] for kind in ranges.values() for parameter in kind}
    assert tuned | set(untuned(settings)) == {"lr", "weight_decay", "batch_size", "label_smoothing", "dropout"}
    if strategy == "Grid":
        assert list(ranges) == ["CategoricalParameterRanges"]


@pytest.mark.parametrize(("trainable", "weights"), [("head", "imagenet"), ("full", "imagenet"), ("full", "none")])
def test_learning_rates_are_a_range(trainable, weights):
    """Logarithmic ranges need 0 < min < max."""
    settings = Settings.from_env({**ENVIRONMENT, "TRAINABLE": trainable, "WEIGHTS": weights})

    for parameter in parameter_ranges(settings)["ContinuousParameterRanges"]:
        assert float(parameter["MinValue"]) < float(parameter["MaxValue"])
        assert parameter["ScalingType"] == "Linear" or float(parameter["MinValue"]) > 0


def test_stopping_is_quiet_about_what_is_not_running(world):
    """Nothing of that name, ended already, or an endpoint, which cannot be stopped."""
    assert not jobs.stop_job("training", "nothing")
    assert not jobs.stop_job("tuning", "nothing")
    assert not jobs.stop_job("endpoint", "retriever")
    assert world.sagemaker.operations() == ["StopTrainingJob", "StopHyperParameterTuningJob"]
