"""StartTrainingJob: train once more with the tuning job's best hyperparameters; the execution waits for the job."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from handlers import aws
from handlers.aws.logs import logger
from handlers.contract.names import training_job_name
from handlers.contract.settings import Settings
from handlers.contract.states import StartTrainingJobInput
from handlers.executions.champion import NO_CHAMPION, Champion, champion
from handlers.executions.finished import once, training_work
from handlers.executions.waiting import token_of
from handlers.ledger import Ledger, Run
from handlers.training_jobs import jobs
from handlers.training_jobs.jobs import algorithm, job_channels, spot, tags, toolkit_value, torch_distributed
from handlers.training_jobs.volumes import resources

aws.prepare("dynamodb", "s3", "sagemaker")


def training_job_request(
    step: StartTrainingJobInput, settings: Settings, serving: Champion = NO_CHAMPION
) -> dict[str, Any]:
    """Return the CreateTrainingJob request; SageMaker takes hyperparameters as strings."""
    return {
        "TrainingJobName": training_job_name(step.execution_name),
        "RoleArn": settings.sagemaker_role_arn,
        "AlgorithmSpecification": algorithm(settings),
        "HyperParameters": hyperparameters(step, settings) | serving.hyperparameters(),
        "InputDataConfig": job_channels(settings, step.dataset, step.features, with_test=True) + serving.channels(),
        "OutputDataConfig": {"S3OutputPath": f"s3://{settings.bucket_name}/runs/{step.execution_name}/training"},
        "ResourceConfig": resources(
            step.dataset,
            settings,
            settings.training_instance_type,
            settings.training_instance_count,
            "StartTrainingJob",
        ),
        "RetryStrategy": {"MaximumRetryAttempts": 2},
        **spot(settings, settings.training_max_runtime_seconds, checkpoints_s3_uri(step, settings)),
        "Tags": tags(settings, step.execution_name, step.dataset),
    }


def checkpoints_s3_uri(step: StartTrainingJobInput, settings: Settings) -> str:
    """Return where this execution's job keeps its checkpoints: a prefix of its own that the bucket clears in time."""
    return f"s3://{settings.bucket_name}/checkpoints/{step.execution_name}"


def hyperparameters(step: StartTrainingJobInput, settings: Settings) -> dict[str, str]:
    """Return the static hyperparameters and the tuned ones as the tuning job reports them."""
    values = jobs.static_hyperparameters(settings, step.dataset, settings.epochs) | step.tuning.hyper_parameters
    asked = {"profile": settings.profile_steps, "group_by": settings.group_by}
    values |= {name: toolkit_value(value) for name, value in asked.items() if value}
    return values | torch_distributed(settings.training_instance_type, settings.training_instance_count)


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    step = StartTrainingJobInput.from_event(event)
    settings = Settings.from_env()
    ledger = Ledger(settings)
    serving = champion(ledger, settings)
    Run(step.execution_name).note_champion(ledger, serving.name)
    request = training_job_request(step, settings, serving)
    token = token_of(settings, "training", request["TrainingJobName"], step)
    work = training_work(step.features, request)
    job = once(work, token, ledger, lambda: aws.sagemaker().create_training_job(**request))
    return {"TrainingJobName": job}
