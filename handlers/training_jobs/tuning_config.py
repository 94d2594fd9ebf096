"""How a tuning job searches: the HyperParameterTuningJobConfig for each strategy."""

from typing import Any

from handlers.contract.settings import Settings
from handlers.training_jobs.metrics import OBJECTIVE_METRIC
from handlers.training_jobs.search_space import num_tuning_jobs, parameter_ranges


def tuning_config(settings: Settings) -> dict[str, Any]:
    """Return the HyperParameterTuningJobConfig, with what SageMaker wants to be absent for a strategy left out."""
    parallel = min(settings.max_parallel_tuning_jobs, num_tuning_jobs(settings))
    limits = {"MaxParallelTrainingJobs": parallel, "MaxRuntimeInSeconds": settings.tuning_max_runtime_seconds}
    config = {
        "Strategy": settings.tuning_strategy,
        "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": OBJECTIVE_METRIC},
        "ResourceLimits": limits,
        "ParameterRanges": parameter_ranges(settings),
        "TrainingJobEarlyStoppingType": settings.tuning_early_stopping,
        "RandomSeed": settings.seed,
    }
    if settings.tuning_strategy != "Grid":  # which tries every combination
        limits["MaxNumberOfTrainingJobs"] = settings.max_tuning_jobs
    if settings.tuning_strategy == "Hyperband":
        config["TrainingJobEarlyStoppingType"] = "Off"  # it stops jobs by itself
        epochs = {"MinResource": 1, "MaxResource": settings.tuning_epochs + 1}  # a job that reaches it is stopped
        config["StrategyConfig"] = {"HyperbandStrategyConfig": epochs}
    return config
