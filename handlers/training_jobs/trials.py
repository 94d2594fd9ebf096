"""All trials of a search in one training job: its request, and trials.json, in which it says what became of them."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from handlers.aws.objects import read, split_uri
from handlers.contract.errors import AwsNotFoundError
from handlers.contract.json_bounds import bounded_json
from handlers.contract.names import trials_job_name
from handlers.contract.settings import Settings
from handlers.contract.states import Features, StartTuningJobInput, Tuning
from handlers.contract.tuning import trials_share_a_job
from handlers.training_jobs.jobs import (
    algorithm,
    job_channels,
    script,
    spot,
    static_hyperparameters,
    tags,
    toolkit_value,
)
from handlers.training_jobs.search_space import num_tuning_jobs, parameter_ranges
from handlers.training_jobs.volumes import resources

PROGRAM = "training/tune.py"
TRIALS = "trials.json"
MAX_BYTES = 4 * 1024 * 1024  # 750 trials take 0.4 MB
MAX_MEMORY_BYTES = 64 * 1024 * 1024


class _Trial(BaseModel):
    model_config = ConfigDict(strict=True)

    number: int
    hyperparameters: dict[str, str]
    objective: float | None = Field(default=None, ge=0, le=1, allow_inf_nan=False)


class _Trials(BaseModel):
    model_config = ConfigDict(strict=True)

    best_trial: int | None
    trials: list[_Trial]


def in_one_job(settings: Settings, features: Features) -> bool:
    """Tell whether all trials are trained in one job: heads, whose features are there."""
    return trials_share_a_job(settings.tuning_mode, settings.trainable) and bool(features.features_s3_uri)


def trials_job_request(step: StartTuningJobInput, settings: Settings) -> dict[str, Any]:
    """Return the CreateTrainingJob request; what is tuned, how far and by which seed is as for a tuning job."""
    search: dict[str, Any] = {
        "save_model": False,  # only the best values are used
        "search_space": json.dumps(parameter_ranges(settings), separators=(",", ":")),
        "tuning_strategy": settings.tuning_strategy,
        "max_trials": num_tuning_jobs(settings),
        "early_stopping": settings.tuning_early_stopping,
    }
    return {
        "TrainingJobName": trials_job_name(step.execution_name),
        "RoleArn": settings.sagemaker_role_arn,
        "AlgorithmSpecification": algorithm(settings),
        "HyperParameters": {
            **static_hyperparameters(settings, step.dataset, settings.tuning_epochs),
            **{name: toolkit_value(value) for name, value in (script(settings, PROGRAM) | search).items()},
        },
        "InputDataConfig": job_channels(settings, step.dataset, step.features, with_test=False),
        "OutputDataConfig": {
            "S3OutputPath": f"s3://{settings.bucket_name}/runs/{step.execution_name}/tuning",
            "CompressionType": "NONE",  # trials.json is read as it is
        },
        "ResourceConfig": resources(step.dataset, settings, settings.tuning_instance_type, 1, "StartTuningJob"),
        "RetryStrategy": {"MaximumRetryAttempts": 2},
        **spot(settings, settings.tuning_max_runtime_seconds),
        "Tags": tags(settings, step.execution_name, step.dataset),
    }


def trials_s3_uri(job: Mapping[str, Any]) -> str:
    """Return where a job that has ended left what became of its trials; "" if it left nothing."""
    place = job.get("ModelArtifacts", {}).get("S3ModelArtifacts", "").rstrip("/")
    return f"{place}/{TRIALS}" if place else ""


def tuning_of(job: Mapping[str, Any]) -> Tuning | str:
    """Return the best trial of a job that has ended, as a tuning job's result; or why there is none."""
    place = trials_s3_uri(job)
    if not place:
        return f"it left no {TRIALS}"
    bucket, key = split_uri(place)
    try:
        left = _Trials.model_validate(bounded_json(read(bucket, key, MAX_BYTES), MAX_MEMORY_BYTES))
    except AwsNotFoundError:
        return f"it left no {TRIALS}"
    except (ValueError, ValidationError) as error:
        return f"its {TRIALS} is not what training/tune.py writes ({str(error).splitlines()[0]})"
    best = next((one for one in left.trials if one.number == left.best_trial), None)
    if best is None or best.objective is None:
        return f"not one of its {len(left.trials)} trials gave a result"
    return Tuning(
        tuning_job_name=job["TrainingJobName"],
        tuning_job_arn=job["TrainingJobArn"],
        best_training_job_name=job["TrainingJobName"],
        best_objective=best.objective,
        hyper_parameters=best.hyperparameters,
        num_training_jobs=1,
    )
