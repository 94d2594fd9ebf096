"""handlers/contract/bearing.py: which state's result a setting changes is declared once, and is so."""

import dataclasses
import json
from itertools import chain
from typing import Any

import pytest

from handlers.contract.bearing import BEARING, NOT_BEARING, OF_VIEWS, PAID, STATES, first_state
from handlers.contract.combinations import parameter_name
from handlers.contract.settings import Settings
from handlers.contract.states import Dataset, Features, StartTrainingJobInput, StartTuningJobInput
from handlers.executions.finished import training_work, trials_work, tuning_work
from handlers.gate.settings import GateSettings
from handlers.start_training_job import training_job_request
from handlers.start_tuning_job import tuning_job_request
from handlers.training_jobs.features import features_key
from handlers.training_jobs.trials import in_one_job, trials_job_request
from tests.handlers.environment import ENVIRONMENT, HANDLERS
from tests.handlers.paying import dataset_of

ROOT = HANDLERS.parent
# Parameters that no state reads: CloudFormation itself applies them, or the prediction function has them alone.
OF_THE_STACK = {
    "DataBucketVersioning", "ModelLatencyAlarmMicroseconds", "PredictReservedConcurrency",
    "PredictProvisionedConcurrency", "PredictProvisionedOn", "PredictProvisionedOff",
    "AllowedBuckets", "FetchAllowedOrigins", "FetchAllowedPorts", "CorsAllowedOrigin",
    "MaxImageBytes", "FetchDeadlineSeconds", "EndpointReadTimeoutSeconds", "RetrainSchedule", "RetrainScheduleTimeZone",
    "RetrainScheduleState", "SweepSchedule", "NotificationEmail", "TopicKey", "LogRetentionDays", "LogLevel",
    "SettingsDigest", "ClientErrorsAlarmPercent", "UnusualRateBand", "MonthlyBudgetDollars",
}  # fmt: skip
_BY_CONTENT = {"weights_s3_uri"}  # what lies there counts, not where
_REFUSED = {"head": {"cutmix", "progressive_resize"}, "full": set()}  # other values than those of the base


def _settings() -> list[str]:
    """Return the names of all settings of the states."""
    return [declared.name for kind in (Settings, GateSettings) for declared in dataclasses.fields(kind)]


def test_every_setting_bears_on_a_state_or_on_none_for_a_reason():
    """A new one fails here until somebody has decided what it costs to change it."""
    declared = [*chain.from_iterable(BEARING.values()), *NOT_BEARING]

    assert sorted(declared) == sorted(_settings())
    assert set(BEARING) < set(STATES)
    assert set(OF_VIEWS) < set(declared)


def test_the_states_are_those_of_the_state_machine():
    """In its order; what reports is not among them."""
    definition = json.loads((ROOT / "statemachine" / "pipeline.asl.json").read_text())["States"]
    tasks = [name for name, state in definition.items() if state["Type"] == "Task"]

    assert set(STATES) == {name for name in tasks if not name.startswith("Report")}
    assert [name for name in tasks if name in PAID] == list(PAID)


def test_every_parameter_is_a_setting_or_the_stacks_own(template):
    """So each is either declared to bear on a state, or not to."""
    parameters = {parameter_name(name) for name in _settings()}

    assert set(template["Parameters"]) - parameters == OF_THE_STACK


_FITTING = {"tuning_mode": "jobs", "model_name": "resnet34", "weights": "none", "group_by": "(.)"}


def _other(declared: Any, value: str) -> str:
    """Return another value that the setting may have."""
    if declared.name in _FITTING:
        return _FITTING[declared.name]
    if choices := declared.metadata.get("choices"):
        return str(next(one for one in choices if one != value))
    if declared.type in (int, float):
        step = 1 if declared.type is int else 0.01
        number = declared.type(value or 0)
        return str(number + step if number + step <= declared.metadata["high"] else number - step)
    return f"{value or 's3://weights/w'}1"


_UNHEEDED = {  # by Trainable and TuningMode
    ("head", "auto"): {"max_parallel_tuning_jobs"},  # all are trained side by side
    ("head", "jobs"): {"tuning_mode"},
    ("full", "auto"): {"tuning_mode"},
}


@pytest.mark.parametrize(("trainable", "mode"), _UNHEEDED)
def test_a_setting_changes_the_work_it_is_declared_to_bear_on(world, event, trainable, mode):
    """Each is changed alone: the work of its state and of those after it is another one, and no earlier one's is."""
    base = ENVIRONMENT | {"TRAINABLE": trainable, "TUNING_MODE": mode}
    dataset = dataset_of(world, event)
    before, wrong = _works(base, dataset, event), {}
    for declared in dataclasses.fields(Settings):
        if declared.name in _BY_CONTENT | _REFUSED[trainable] | _UNHEEDED[trainable, mode] | {"trainable"}:
            continue
        variable = declared.name.upper()
        after = _works(base | {variable: _other(declared, base[variable])}, dataset, event)
        changed = {state for state in PAID if after[state] != before[state]}
        if changed != _expected(declared.name, trainable, changed):
            wrong[declared.name] = changed

    assert wrong == {}


def _expected(name: str, trainable: str, changed: set[str]) -> set[str]:
    """Return the states whose work the setting is to change; what is tuned otherwise may train the same."""
    first = first_state(name, trainable)
    expected = set(PAID[PAID.index(first) :]) if first in PAID else set()
    return expected - ({"StartTrainingJob"} - changed if first == "StartTuningJob" else set())


def _works(environment: dict[str, str], dataset: dict[str, Any], event: Any) -> dict[str, str]:
    """Return what each state's work is, by the settings of this environment."""
    settings = Settings.from_env(environment)
    key = features_key(Dataset.from_event(dataset), settings)
    features = Features(features_s3_uri=f"s3://retriever-data/features/{key}/", key=key)
    given = {"Dataset": dataset, "Features": features.to_event()}
    tuning = StartTuningJobInput.from_event(event("start_tuning_job") | given)
    training = StartTrainingJobInput.from_event(event("start_training_job") | given)
    return {
        "ComputeFeatures": key,
        "StartTuningJob": trials_work(features, trials_job_request(tuning, settings))
        if in_one_job(settings, features)
        else tuning_work(features, tuning_job_request(tuning, settings)),
        "StartTrainingJob": training_work(features, training_job_request(training, settings)),
    }
