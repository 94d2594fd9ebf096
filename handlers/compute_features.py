"""ComputeFeatures: examine all images once, before anything is tuned on them, and keep a frozen backbone's features."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from handlers import aws
from handlers.aws.logs import logger
from handlers.contract.names import features_job_name
from handlers.contract.settings import Settings
from handlers.contract.states import ComputeFeaturesInput
from handlers.executions.finished import examination
from handlers.executions.outcomes import Succeeded
from handlers.executions.waiting import answer, start, token_of
from handlers.ledger import Features, Ledger
from handlers.training_jobs import features
from handlers.training_jobs.jobs import algorithm, image_channels, script, spot, tags, toolkit_value, torch_distributed
from handlers.training_jobs.volumes import resources

aws.prepare("dynamodb", "s3", "sagemaker", "stepfunctions")

# By Trainable: what a job runs. Without a frozen backbone it keeps no features, and examines the images all the same.
PROGRAMS = {"head": "training/compute_features.py", "full": "training/examine.py"}


def features_job_request(step: ComputeFeaturesInput, key: str, settings: Settings) -> dict[str, Any]:
    """Return the CreateTrainingJob request; its output is left as plain files, which other jobs read as a channel."""
    instance_type, count = settings.training_instance_type, settings.features_instance_count
    return {
        "TrainingJobName": features_job_name(step.execution_name),
        "RoleArn": settings.sagemaker_role_arn,
        "AlgorithmSpecification": algorithm(settings, metrics=False),
        "HyperParameters": hyperparameters(step, settings) | torch_distributed(instance_type, count),
        "InputDataConfig": image_channels(settings, step.dataset, with_test=True),
        "OutputDataConfig": {"S3OutputPath": features.output_s3_uri(key, settings), "CompressionType": "NONE"},
        "ResourceConfig": resources(step.dataset, settings, instance_type, count, "ComputeFeatures"),
        "RetryStrategy": {"MaximumRetryAttempts": 2},
        **spot(settings, settings.training_max_runtime_seconds, features.checkpoints_s3_uri(key, settings)),
        "Tags": tags(settings, step.execution_name, step.dataset),
    }


def hyperparameters(step: ComputeFeaturesInput, settings: Settings) -> dict[str, str]:
    """Return what the job depends on, as the toolkit takes it."""
    values = {
        **script(settings, PROGRAMS[settings.trainable]),
        "model_name": settings.model_name,
        "weights": settings.weights,
        "trainable": settings.trainable,
        "image_size": settings.image_size,
        "augment": settings.augment,
        "randaugment": settings.randaugment,
        "feature_views": settings.feature_views,
        "max_unreadable": settings.max_unreadable,
        "num_unusable": step.dataset.num_unusable,
        "seed": settings.seed,
        "dataset_fingerprint": step.dataset.fingerprint,
        "dataset_s3_uri": step.dataset.s3_uri,
        "group_by": settings.group_by,
        "made_splits": step.dataset.made_splits,
        "validation_fraction": settings.validation_fraction,
        "test_fraction": settings.validation_fraction,
    }
    return {name: toolkit_value(value) for name, value in values.items()}


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    step, settings = ComputeFeaturesInput.from_event(event), Settings.from_env()
    ledger = Ledger(settings)
    key, name = features.features_key(step.dataset, settings), features_job_name(step.execution_name)
    existing = examination(key, name, step.execution_name, ledger, settings)
    if existing is not None:
        answer(step.task_token, Succeeded(existing.to_event()))
        return {"TrainingJobName": "", "Key": key}
    request, token = features_job_request(step, key, settings), token_of(settings, "features", name, step)
    Features.note(ledger, key, name, step.execution_name)
    created = start(ledger, token, lambda: aws.sagemaker().create_training_job(**request))
    logger.info("features job started", training_job_name=name, key=key, newly_created=created)
    return {"TrainingJobName": name, "Key": key}
