"""What tuning trials and the final training job have in common, and how a job is looked up and stopped."""

import json
from typing import TYPE_CHECKING, Any

from handlers import aws
from handlers.contract.errors import AwsError
from handlers.contract.names import TAG_PREFIX, tag_value
from handlers.contract.settings import Settings
from handlers.contract.states import Dataset, DatasetRequest, Features, JobKind
from handlers.training_jobs.metrics import METRIC_DEFINITIONS
from handlers.training_jobs.search_space import untuned

if TYPE_CHECKING:
    from collections.abc import Mapping

SAGEMAKER_PROGRAM = "training/train.py"  # inside the source archive
# Settings that go to training/train.py as they are, by the same name.
PASSED_ON = ("class_balance", "mixup", "cutmix", "randaugment", "ema_decay", "progressive_resize", "accumulate")
_SPLITS = ("train", "validation", "test")


def algorithm(settings: Settings, *, metrics: bool = True) -> dict[str, Any]:
    """Return the AlgorithmSpecification: the image, files as input, and the metrics read from its output."""
    image = {"TrainingImage": settings.training_image_uri, "TrainingInputMode": "File"}
    return image | ({"MetricDefinitions": METRIC_DEFINITIONS} if metrics else {})


def script(settings: Settings, program: str) -> dict[str, str]:
    """Return the hyperparameters by which SageMaker's toolkit finds `program` in the source archive."""
    return {"sagemaker_program": program, "sagemaker_submit_directory": settings.training_source_s3_uri}


def toolkit_value(value: object) -> str:
    """Return a hyperparameter JSON-encoded, as SageMaker's own SDK sends it.

    The toolkit decodes each value, and a bare fingerprint of digits would arrive as a number.
    """
    return json.dumps(value)


def torch_distributed(instance_type: str, count: int) -> dict[str, str]:
    """Return what SageMaker's SDK sends for `distribution={"torch_distributed": {"enabled": True}}`, if several do."""
    enabled = {"sagemaker_torch_distributed_enabled": True, "sagemaker_instance_type": instance_type}
    return {name: toolkit_value(value) for name, value in enabled.items()} if count > 1 else {}


def static_hyperparameters(settings: Settings, dataset: Dataset, epochs: int) -> dict[str, str]:
    """Return all hyperparameters but the tuned ones."""
    values = {
        **script(settings, SAGEMAKER_PROGRAM),
        "model_name": settings.model_name,
        "weights": settings.weights,
        "trainable": settings.trainable,
        "image_size": settings.image_size,
        "epochs": epochs,
        "augment": settings.augment,
        "patience": settings.patience,
        "seed": settings.seed,
        "max_unreadable": settings.max_unreadable,
        "dataset_fingerprint": dataset.fingerprint,
        **{name: getattr(settings, name) for name in PASSED_ON},
        **untuned(settings),
    }
    return {name: toolkit_value(value) for name, value in values.items()}


def spot(settings: Settings, max_runtime_seconds: int, checkpoints_s3_uri: str = "") -> dict[str, Any]:
    """Return the StoppingCondition and, with UseSpot, what lets a job run on spot instances and survive them."""
    if settings.use_spot == "false":
        return {"StoppingCondition": {"MaxRuntimeInSeconds": max_runtime_seconds}}
    wait = max(settings.spot_max_wait_seconds, max_runtime_seconds)  # SageMaker refuses a shorter one
    limits = {"MaxRuntimeInSeconds": max_runtime_seconds, "MaxWaitTimeInSeconds": wait}
    checkpoints = {"CheckpointConfig": {"S3Uri": checkpoints_s3_uri}} if checkpoints_s3_uri else {}
    return {"EnableManagedSpotTraining": True, "StoppingCondition": limits, **checkpoints}


def job_channels(settings: Settings, dataset: Dataset, features: Features, *, with_test: bool) -> list[dict[str, Any]]:
    """Return InputDataConfig of a job that trains: on features where the backbone is frozen, else on the images.

    The job before it has left out what leaks, so the splits are those that it wrote, and its findings are its own.
    """
    place = features.features_s3_uri
    if not place:  # of an execution that began under an older version
        return image_channels(settings, dataset, with_test=with_test)
    if settings.trainable == "full":
        findings = channel("examination", "S3Prefix", f"{place}findings.json")
        return [findings, *_examined_channels(settings, dataset, place, _SPLITS if with_test else _SPLITS[:2])]
    channels = [channel("features", "S3Prefix", place)]
    if not with_test:
        return [*channels, channel("classes", "S3Prefix", dataset.classes_s3_uri)]
    # int8 is judged on validation images; those that it is calibrated on came with the features.
    return [*channels, *_examined_channels(settings, dataset, place, _SPLITS[1:])]


def _examined_channels(
    settings: Settings, dataset: Dataset, place: str, splits: tuple[str, ...]
) -> list[dict[str, Any]]:
    """Return the channels of images whose splits lie in `place`, with all else that a job on images reads."""
    others = [one for one in image_channels(settings, dataset, with_test=True) if one["ChannelName"] not in _SPLITS]
    return [*(channel(name, "ManifestFile", f"{place}{name}.manifest") for name in splits), *others]


def image_channels(settings: Settings, dataset: Dataset, *, with_test: bool) -> list[dict[str, Any]]:
    """Return InputDataConfig of a job that reads images. Tuning never sees the test split; features only decode it."""
    manifests = {"train": dataset.train_manifest_s3_uri, "validation": dataset.validation_manifest_s3_uri}
    if with_test:
        manifests["test"] = dataset.test_manifest_s3_uri
    result = [channel(name, "ManifestFile", uri) for name, uri in manifests.items()]
    result.append(channel("classes", "S3Prefix", dataset.classes_s3_uri))
    if dataset.labels_s3_uri:
        result.append(channel("labels", "S3Prefix", dataset.labels_s3_uri))
    if settings.weights_s3_uri:
        result.append(channel("weights", "S3Prefix", settings.weights_s3_uri))
    return result


def channel(name: str, data_type: str, s3_uri: str) -> dict[str, Any]:
    """Return a channel of InputDataConfig: files that every instance of the job gets."""
    source = {"S3DataType": data_type, "S3Uri": s3_uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}, "InputMode": "File"}


def tags(settings: Settings, execution_name: str, dataset: "Dataset | DatasetRequest") -> list[dict[str, str]]:
    """Return the tags by which a person, or a bill, finds what a job was for.

    By Stack the roles of template.yaml tell what is theirs to make, stop and delete.
    """
    values = {
        "Stack": settings.stack_name,
        "Execution": execution_name,
        "Dataset": dataset.name,
        "Fingerprint": dataset.fingerprint,
    }
    return [{"Key": f"{TAG_PREFIX}{key}", "Value": tag_value(value)} for key, value in values.items()]


def describe(kind: JobKind, name: str) -> "Mapping[str, Any] | None":
    """Return SageMaker's description of a job, an endpoint or, by its ARN, a model package; None if there is none."""
    client = aws.sagemaker()
    try:
        if kind == "tuning":
            return client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
        if kind in ("unpacking", "features", "trials", "training"):
            return client.describe_training_job(TrainingJobName=name)
        if kind == "approval":
            return client.describe_model_package(ModelPackageName=name)
        return client.describe_endpoint(EndpointName=name)
    except AwsError as error:
        if aws.is_missing(error):
            return None
        raise


def pending_config(endpoint: "Mapping[str, Any]") -> str | None:
    """Return the config that a described endpoint is changing to, as far as its description says so yet."""
    name: str | None = endpoint.get("PendingDeploymentSummary", {}).get("EndpointConfigName")
    return name


def stop_job(kind: JobKind, name: str) -> bool:
    """Stop a job; False if there is none, or it has ended, or it is none.

    It is looked up first: the roles may stop what bears the stack's tag, and what does not exist bears none.
    """
    if kind in ("approval", "shadow", "endpoint") or describe(kind, name) is None:
        return False
    client = aws.sagemaker()
    try:
        if kind == "tuning":
            client.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
        else:
            client.stop_training_job(TrainingJobName=name)
    except AwsError as error:
        if aws.is_missing(error):
            return False
        raise
    return True
