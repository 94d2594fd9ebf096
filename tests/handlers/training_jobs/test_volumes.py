"""handlers/training_jobs/volumes.py: a disk as large as the dataset needs, of an instance that has one."""

import pytest

from handlers.contract.errors import SettingsError
from handlers.contract.settings import Settings
from handlers.contract.states import Dataset
from handlers.training_jobs.volumes import check_disk, needed_gb, resources
from tests.handlers.environment import ENVIRONMENT

_EBS, _NVME = "ml.m5.xlarge", "ml.g4dn.xlarge"


def dataset(*, gigabytes: float, count: int) -> Dataset:
    """Return a dataset of `count` pictures for each split."""
    return Dataset(
        name="flowers",
        s3_uri="s3://b/datasets/flowers/",
        fingerprint="0",
        classes_s3_uri="s3://b/classes.json",
        train_manifest_s3_uri="s3://b/train.manifest",
        validation_manifest_s3_uri="s3://b/validation.manifest",
        test_manifest_s3_uri="s3://b/test.manifest",
        report_s3_uri="s3://b/report.json",
        num_classes=2,
        num_train=count,
        num_validation=count,
        num_test=count,
        num_bytes=int(gigabytes * 1e9),
    )


def settings(training: str, tuning: str = _EBS, trainable: str = "head") -> Settings:
    return Settings.from_env(
        ENVIRONMENT | {"TRAINING_INSTANCE_TYPE": training, "TUNING_INSTANCE_TYPE": tuning, "TRAINABLE": trainable}
    )


@pytest.mark.parametrize(
    ("gigabytes", "count", "trainable", "expected"),
    [
        (0, 300, "head", 50),  # also of a run of an older version, which has not counted
        (20, 10_000, "head", 50),
        (100, 300_000, "head", 193),
        (100, 300_000, "full", 162),
    ],
)
def test_disk_holds_the_pictures_and_their_features(gigabytes, count, trainable, expected):
    """A fifth more than pictures, in whole blocks, and features take, and what an empty job has."""
    given = settings(_EBS, trainable=trainable)

    size = needed_gb(dataset(gigabytes=gigabytes, count=count), given)

    assert size == expected
    asked = resources(dataset(gigabytes=gigabytes, count=count), given, _EBS, 2)
    assert asked == {"InstanceType": _EBS, "InstanceCount": 2, "VolumeSizeInGB": size}


def test_no_more_is_asked_than_an_instance_has():
    """A type with a disk of its own takes no request for a larger one, which tuning on features does not need."""
    large = dataset(gigabytes=200, count=300_000)

    assert resources(large, settings(_EBS), _NVME)["VolumeSizeInGB"] == 125
    check_disk(large, settings(_EBS, tuning=_NVME))


@pytest.mark.parametrize(
    ("given", "gigabytes", "message"),
    [
        (settings(_NVME), 200, r"TrainingInstanceType 'ml.g4dn.xlarge' has 125 GB .* \(200 GB .* take 'ml.g5.2xlarge'"),
        (
            settings(_EBS, _NVME, "full"),
            200,
            r"TuningInstanceType .* needs 282 .*, or a type without a disk of its own",
        ),
        (settings(_EBS), 20_000, r"has 16,384 GB of disk, .* keep a part of the pictures, or save them smaller"),
    ],
)
def test_too_small_a_disk_is_refused_before_it_is_paid(given, gigabytes, message):
    """The sentence has the parameter, both sizes, and the smallest type that holds the dataset."""
    with pytest.raises(SettingsError, match=message):
        check_disk(dataset(gigabytes=gigabytes, count=300_000), given)
