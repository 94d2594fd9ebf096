"""What a request for a tuning job may ask of this account; anything else is refused by name."""

from typing import Any

from embedded_account.account import Account
from embedded_account.errors import ServiceError
from embedded_account.sagemaker.shared.resources import validation_error
from embedded_account.sagemaker.training import request as training_request
from embedded_account.sagemaker.tuning.grid import num_combinations
from embedded_account.wiring.refusals import refuse

OBJECTIVE_HYPERPARAMETER = "_tuning_objective_metric"  # which SageMaker adds to a job's own
_OPERATION = "CreateHyperParameterTuningJob"
_REQUEST = {
    "HyperParameterTuningJobName",
    "HyperParameterTuningJobConfig",
    "TrainingJobDefinition",
    "WarmStartConfig",
    "Tags",
}
_CONFIG = {
    "Strategy",
    "StrategyConfig",
    "HyperParameterTuningJobObjective",
    "ResourceLimits",
    "ParameterRanges",
    "TrainingJobEarlyStoppingType",
    "TuningJobCompletionCriteria",
    "RandomSeed",
}
_RANGES = {"IntegerParameterRanges", "ContinuousParameterRanges", "CategoricalParameterRanges"}
_DEFINITION = {
    "DefinitionName",
    "StaticHyperParameters",
    "AlgorithmSpecification",
    "RoleArn",
    "InputDataConfig",
    "OutputDataConfig",
    "ResourceConfig",
    "HyperParameterTuningResourceConfig",
    "StoppingCondition",
    "EnableManagedSpotTraining",
    "CheckpointConfig",
    "RetryStrategy",
    "Environment",
}
# Where Hyperband looks for the most that a job may use when it is not told.
_EPOCHS = ("epochs", "numepochs", "n-epochs", "n_epochs", "num_epochs")
_RESOURCES = {"InstanceType", "InstanceCount", "VolumeSizeInGB"}
_MAX_JOBS = 750
_MAX_PARALLEL = 100
_MAX_TUNED = 30


def check(account: Account, request: dict[str, Any]) -> None:
    """Raise what SageMaker answers to a request it refuses, or NotImplemented for what is not carried out here."""
    refuse(_OPERATION, request, _REQUEST)
    config, definition = request["HyperParameterTuningJobConfig"], request.get("TrainingJobDefinition")
    if not definition:
        raise validation_error(f"{_OPERATION}: TrainingJobDefinition is missing; give it")
    refuse(f"{_OPERATION}.HyperParameterTuningJobConfig", config, _CONFIG)
    refuse(f"{_OPERATION}.TrainingJobDefinition", definition, _DEFINITION)
    for member in ("HyperParameterTuningJobObjective", "ParameterRanges"):
        if not config.get(member):
            raise validation_error(f"{_OPERATION}.HyperParameterTuningJobConfig: {member} is missing; give it")
    _check_resources(definition)
    _check_ranges(config["ParameterRanges"], definition.get("StaticHyperParameters", {}))
    _check_strategy(config, definition.get("StaticHyperParameters", {}))
    _check_limits(config)
    _check_objective(config, definition)
    training_request.check(account, training_job_request(request, "checked", {}), f"{_OPERATION}.TrainingJobDefinition")


def training_job_request(request: dict[str, Any], name: str, tuned: dict[str, str]) -> dict[str, Any]:
    """Return the CreateTrainingJob request of one job of the tuning job that `request` asks for."""
    definition = request["TrainingJobDefinition"]
    metric = request["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]["MetricName"]
    copied = set(_DEFINITION) - {"DefinitionName", "StaticHyperParameters", "HyperParameterTuningResourceConfig"}
    fixed = definition.get("StaticHyperParameters", {})
    return (
        {member: definition[member] for member in sorted(copied) if member in definition}
        | {
            "TrainingJobName": name,
            "HyperParameters": fixed | tuned | {OBJECTIVE_HYPERPARAMETER: metric},
            "Tags": request.get("Tags", []),
        }
        | resource_config(definition)
    )


def resource_config(definition: dict[str, Any]) -> dict[str, Any]:
    """Return the ResourceConfig that stands for a HyperParameterTuningResourceConfig; nothing without one."""
    resources = definition.get("HyperParameterTuningResourceConfig")
    return {"ResourceConfig": {key: resources[key] for key in _RESOURCES if key in resources}} if resources else {}


def _check_resources(definition: dict[str, Any]) -> None:
    resources = definition.get("HyperParameterTuningResourceConfig") or {}
    if resources and definition.get("ResourceConfig"):
        raise validation_error(
            f"{_OPERATION}: both ResourceConfig and HyperParameterTuningResourceConfig are given; give one"
        )
    refuse(f"{_OPERATION}.HyperParameterTuningResourceConfig", resources, _RESOURCES)


def _check_ranges(given: dict[str, Any], fixed: dict[str, str]) -> None:
    where = f"{_OPERATION}.ParameterRanges"
    refuse(where, given, _RANGES)
    names = [item["Name"] for kind in sorted(_RANGES) for item in given.get(kind, [])]
    repeated = sorted({name for name in names if names.count(name) > 1 or name in fixed})
    if repeated:
        raise validation_error(f"{where}: hyperparameter {repeated[0]!r} is given twice; give it once, fixed or tuned")
    if not 0 < len(names) <= _MAX_TUNED:
        raise validation_error(f"{where}: {len(names)} hyperparameters; tune 1 to {_MAX_TUNED}")
    from embedded_account.sagemaker.tuning.search import ranges  # Optuna takes a fifth of a second to import

    try:
        ranges(given)
    except ValueError as error:
        raise validation_error(f"{where}: {error}") from error


def max_resource(config: dict[str, Any], fixed: dict[str, str]) -> int | None:
    """Return the epochs after which Hyperband ends a job; None when nothing says so, or for another strategy."""
    if config["Strategy"] != "Hyperband":
        return None
    given = config.get("StrategyConfig", {}).get("HyperbandStrategyConfig", {}).get("MaxResource")
    named = [fixed[name] for name in _EPOCHS if fixed.get(name, "").strip('"').isdigit()]
    return int(given) if given else next((int(text.strip('"')) for text in named), None)


def _check_strategy(config: dict[str, Any], fixed: dict[str, str]) -> None:
    strategy = config["Strategy"]
    if strategy == "Grid" and set(config["ParameterRanges"]) & (_RANGES - {"CategoricalParameterRanges"}):
        given = [kind for kind in _RANGES - {"CategoricalParameterRanges"} if config["ParameterRanges"].get(kind)]
        if given:
            raise validation_error(f"{_OPERATION}: the strategy Grid takes CategoricalParameterRanges only: {given[0]}")
    if strategy == "Hyperband" and config.get("TrainingJobEarlyStoppingType", "Off") != "Off":
        raise validation_error(f"{_OPERATION}: the strategy Hyperband needs TrainingJobEarlyStoppingType Off")
    hyperband = config.get("StrategyConfig", {}).get("HyperbandStrategyConfig", {})
    if hyperband.get("MinResource", 1) >= hyperband.get("MaxResource", 1 << 30):
        raise validation_error(f"{_OPERATION}: MinResource must be below MaxResource: {hyperband}")
    criteria = config.get("TuningJobCompletionCriteria", {})
    known = {"TargetObjectiveMetricValue", "BestObjectiveNotImproving"}
    refuse(f"{_OPERATION}.TuningJobCompletionCriteria", criteria, known)
    if strategy == "Hyperband" and max_resource(config, fixed) is None:
        raise validation_error(
            f"{_OPERATION}: Hyperband needs MaxResource, or one of the static hyperparameters {', '.join(_EPOCHS)}"
        )


def _check_limits(config: dict[str, Any]) -> None:
    limits = config["ResourceLimits"]
    num_jobs, num_parallel = limits.get("MaxNumberOfTrainingJobs"), limits["MaxParallelTrainingJobs"]
    if config["Strategy"] == "Grid":
        num_in_all = num_combinations(config)
        if num_jobs not in {None, num_in_all}:
            raise validation_error(
                f"{_OPERATION}: MaxNumberOfTrainingJobs: {num_jobs}; the strategy Grid has {num_in_all} "
                "combinations: give that number or none"
            )
        num_jobs = num_in_all
    if num_jobs is None:
        raise validation_error(f"{_OPERATION}: ResourceLimits.MaxNumberOfTrainingJobs is missing; give it")
    for name, value, most in (
        ("MaxNumberOfTrainingJobs", num_jobs, _MAX_JOBS),
        ("MaxParallelTrainingJobs", num_parallel, _MAX_PARALLEL),
    ):
        if value > most:
            raise ServiceError("ResourceLimitExceeded", f"{_OPERATION}: {name}: {value}; at most {most} are allowed")


def _check_objective(config: dict[str, Any], definition: dict[str, Any]) -> None:
    metric = config["HyperParameterTuningJobObjective"]["MetricName"]
    defined = [item["Name"] for item in definition["AlgorithmSpecification"].get("MetricDefinitions", [])]
    if metric not in defined:
        raise validation_error(
            f"{_OPERATION}: the objective metric {metric!r} is not among the MetricDefinitions {defined}; define it"
        )
