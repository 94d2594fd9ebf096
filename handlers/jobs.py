"""What tuning trials and the final training job have in common, and how a job is looked up and stopped."""

import json
from typing import TYPE_CHECKING, Any

from handlers import aws
from handlers.contract import Dataset, JobKind
from handlers.errors import AwsError
from handlers.names import tag_value
from handlers.search_space import untuned
from handlers.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

SAGEMAKER_PROGRAM = "training/train.py"  # inside the source archive
VOLUME_GB = 50
_NUMBER = "(nan|[+-]?inf|[0-9.eE+-]+)"

# One line an epoch, `epoch=3 train_loss=0.1234 ...`, then `best_epoch=7 best_validation_top1=0.95` and `test_...`.
METRIC_DEFINITIONS = [
    {"Name": "train:loss", "Regex": f"train_loss={_NUMBER}"},
    {"Name": "train:top1", "Regex": f"train_top1={_NUMBER}"},
    {"Name": "validation:loss", "Regex": f"validation_loss={_NUMBER}"},
    {"Name": "validation:top1", "Regex": f"(?<!best_)validation_top1={_NUMBER}"},
    {"Name": "validation:best_top1", "Regex": f"best_validation_top1={_NUMBER}"},
    {"Name": "test:top1", "Regex": f"test_top1={_NUMBER}"},
]


def algorithm(settings: Settings) -> dict[str, Any]:
    """Return the AlgorithmSpecification: the image, files as input, and the metrics read from its output."""
    return {
        "TrainingImage": settings.training_image_uri,
        "TrainingInputMode": "File",
        "MetricDefinitions": METRIC_DEFINITIONS,
    }


def static_hyperparameters(settings: Settings, dataset: Dataset, epochs: int) -> dict[str, str]:
    """Return all hyperparameters but the tuned ones, JSON-encoded as SageMaker's own SDK sends them.

    The toolkit decodes each value, and a bare fingerprint of digits would arrive as a number.
    """
    values = {
        "sagemaker_program": SAGEMAKER_PROGRAM,
        "sagemaker_submit_directory": settings.training_source_s3_uri,
        "model_name": settings.model_name,
        "weights": settings.weights,
        "trainable": settings.trainable,
        "image_size": settings.image_size,
        "epochs": epochs,
        "augment": settings.augment,
        "patience": settings.patience,
        "seed": settings.seed,
        "dataset_fingerprint": dataset.fingerprint,
        **untuned(settings),
    }
    return {name: json.dumps(value) for name, value in values.items()}


def channels(settings: Settings, dataset: Dataset, *, with_test: bool) -> list[dict[str, Any]]:
    """Return InputDataConfig. Only the final job sees the test split."""
    manifests = {"train": dataset.train_manifest_s3_uri, "validation": dataset.validation_manifest_s3_uri}
    if with_test:
        manifests["test"] = dataset.test_manifest_s3_uri
    result = [_channel(name, "ManifestFile", uri) for name, uri in manifests.items()]
    result.append(_channel("classes", "S3Prefix", dataset.classes_s3_uri))
    if settings.weights_s3_uri:
        result.append(_channel("weights", "S3Prefix", settings.weights_s3_uri))
    return result


def _channel(name: str, data_type: str, s3_uri: str) -> dict[str, Any]:
    source = {"S3DataType": data_type, "S3Uri": s3_uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}, "InputMode": "File"}


def tags(execution_name: str, dataset: Dataset) -> list[dict[str, str]]:
    """Return the tags by which a person, or a bill, finds what a job was for."""
    values = {"Execution": execution_name, "Dataset": dataset.name, "Fingerprint": dataset.fingerprint}
    return [{"Key": f"retriever:{key}", "Value": tag_value(value)} for key, value in values.items()]


def describe(kind: JobKind, name: str) -> "Mapping[str, Any] | None":
    """Return SageMaker's description of a tuning job, training job or endpoint, or None if there is none."""
    client = aws.sagemaker()
    try:
        if kind == "tuning":
            return client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
        if kind == "training":
            return client.describe_training_job(TrainingJobName=name)
        return client.describe_endpoint(EndpointName=name)
    except AwsError as error:
        if aws.is_missing(error):
            return None
        raise


def stop_job(kind: JobKind, name: str) -> bool:
    """Stop a tuning or training job; False if there is none, or it has ended, or it is an endpoint."""
    client = aws.sagemaker()
    try:
        if kind == "tuning":
            client.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
        elif kind == "training":
            client.stop_training_job(TrainingJobName=name)
        else:
            return False
    except AwsError as error:
        if aws.is_missing(error):
            return False
        raise
    return True
