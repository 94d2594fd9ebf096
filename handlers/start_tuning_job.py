"""StartTuningJob: search for hyperparameters on train and validation; the execution waits for the job or jobs."""

import functools
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from handlers import aws
from handlers.aws.logs import logger
from handlers.contract.names import tuning_job_name
from handlers.contract.settings import Settings
from handlers.contract.states import StartTuningJobInput
from handlers.executions.finished import once, trials_work, tuning_work
from handlers.executions.unchanged import require_unchanged
from handlers.executions.waiting import token_of
from handlers.ledger import Ledger
from handlers.training_jobs.examination import note
from handlers.training_jobs.jobs import algorithm, job_channels, spot, static_hyperparameters, tags
from handlers.training_jobs.metrics import check_objective
from handlers.training_jobs.trials import in_one_job, trials_job_request
from handlers.training_jobs.tuning_config import tuning_config
from handlers.training_jobs.volumes import resources
from handlers.training_jobs.warm_start import create

aws.prepare("dynamodb", "s3", "sagemaker")


def tuning_job_request(step: StartTuningJobInput, settings: Settings) -> dict[str, Any]:
    """Return the CreateHyperParameterTuningJob request; trials see neither the test split nor the final epochs."""
    return {
        "HyperParameterTuningJobName": tuning_job_name(step.execution_name),
        "HyperParameterTuningJobConfig": tuning_config(settings),
        "TrainingJobDefinition": {
            "StaticHyperParameters": {
                **static_hyperparameters(settings, step.dataset, settings.tuning_epochs),
                "save_model": "false",  # only the best values are used, so no job stores its weights
            },
            "AlgorithmSpecification": algorithm(settings),
            "RoleArn": settings.sagemaker_role_arn,
            "InputDataConfig": job_channels(settings, step.dataset, step.features, with_test=False),
            "OutputDataConfig": {"S3OutputPath": f"s3://{settings.bucket_name}/runs/{step.execution_name}/tuning"},
            "ResourceConfig": resources(step.dataset, settings, settings.tuning_instance_type),
            **spot(settings, settings.tuning_max_runtime_seconds),
        },
        "Tags": tags(settings, step.execution_name, step.dataset),
    }


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    step = StartTuningJobInput.from_event(event)
    settings = Settings.from_env()
    ledger = Ledger(settings)
    check_objective()
    require_unchanged(step.dataset, step.features, ledger)
    note(step.features, step.execution_name, ledger)
    return {"TuningJobName": _begin(step, settings, ledger)}


def _begin(step: StartTuningJobInput, settings: Settings, ledger: Ledger) -> str:
    """Start one job for all trials or one for each, unless the same was done before; return its name."""
    if in_one_job(settings, step.features):
        job = trials_job_request(step, settings)
        token = token_of(settings, "trials", job["TrainingJobName"], step)
        work = trials_work(step.features, job)
        return once(work, token, ledger, lambda: aws.sagemaker().create_training_job(**job))
    request = tuning_job_request(step, settings)
    token = token_of(settings, "tuning", request["HyperParameterTuningJobName"], step)
    begin = functools.partial(create, request, step.dataset.name, step.execution_name, ledger, settings)
    return once(tuning_work(step.features, request), token, ledger, begin)
