"""handlers/contract/settings.py: every variable is checked before any AWS call, and named when it is wrong."""

import dataclasses
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.contract.errors import SettingsError
from handlers.contract.settings import Settings
from tests.handlers.environment import ENVIRONMENT, EXECUTION

_OPTIONAL = {
    "GROUP_BY",
    "INSTANCE_PRICES",
    "REPLACE_DATASET",
    "SCALING_MEASUREMENT",
    "WEIGHTS_S3_URI",
    "ROLLBACK_ALARM_NAMES",
}
_REQUIRED = sorted({f.name.upper() for f in dataclasses.fields(Settings)} - _OPTIONAL)


def test_settings_are_typed():
    """Numbers arrive as numbers, lists as tuples."""
    settings = Settings.from_env(ENVIRONMENT)

    assert (settings.epochs, settings.accuracy_threshold) == (20, 0.9)
    assert settings.rollback_alarm_names == ("retriever-5xx", "retriever-latency")


@pytest.mark.parametrize("variable", _REQUIRED)
def test_settings_name_a_missing_variable(variable):
    """Each variable without a default is named when it is absent or blank."""
    environ = {**ENVIRONMENT, variable: " "}

    with pytest.raises(SettingsError, match=f"{variable} is missing; set it"):
        Settings.from_env(environ)


def test_settings_leave_optional_variables_empty():
    """No weights and no alarms are values too."""
    environ = {name: value for name, value in ENVIRONMENT.items() if name not in _OPTIONAL}

    settings = Settings.from_env(environ)

    assert (settings.weights_s3_uri, settings.rollback_alarm_names) == ("", ())


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("CANARY_PERCENT", "51", "51'; expected a whole number within 1..50"),
        ("EPOCHS", "3.5", "3.5'; expected a whole number within 1..10000"),
        ("ACCURACY_THRESHOLD", "nan", "nan'; expected a number within 0..1"),
        ("ACCURACY_THRESHOLD", "high", "high'; expected a number within 0..1"),
        ("WEIGHTS", "web", "web'; expected one of imagenet, none, channel"),
        ("TERMINATION_WAIT_SECONDS", "0", "0'; expected a whole number within 1..3600"),
    ],
)
def test_settings_name_a_wrong_value(variable, value, expected):
    """The variable, its value and the allowed range are in the message."""
    with pytest.raises(SettingsError, match=f"{variable}: '{expected}"):
        Settings.from_env({**ENVIRONMENT, variable: value})


NO_NUMBERS = ("nan", "-nan", "inf", "-inf", "Infinity", "1e999", "-1e999", "9" * 400, "9" * 5000, "1e-", "0x1")
_NUMERIC = [one.name.upper() for one in dataclasses.fields(Settings) if one.type in (int, float)]


@pytest.mark.parametrize("value", NO_NUMBERS, ids=lambda value: value[:9])
@pytest.mark.parametrize("variable", _NUMERIC)
def test_no_numeric_setting_takes_what_is_no_number(variable, value):
    """Nor what is beyond any number: each is named, none passes a comparison by being none."""
    with pytest.raises(SettingsError, match=f"^environment variable {variable}: "):
        Settings.from_env({**ENVIRONMENT, variable: value})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"WEIGHTS": "channel"}, "Weights=channel and WeightsS3Uri='': the second must be given"),
        ({"SCALING_MIN_INSTANCES": "5"}, "ScalingMinInstances=5 and ScalingMaxInstances=4: the first must be at most"),
        ({"MAX_TUNING_JOBS": "1"}, "MaxParallelTuningJobs=2 and MaxTuningJobs=1: the first must be at most"),
    ],
)
def test_settings_refuse_what_does_not_fit_together(changes, message):
    """AWS would refuse these in the middle of a run."""
    with pytest.raises(SettingsError, match=message):
        Settings.from_env({**ENVIRONMENT, **changes})


@given(st.integers())
def test_settings_accept_exactly_the_range(value):
    """Any whole number outside the range is refused, any inside accepted."""
    environ = {**ENVIRONMENT, "CANARY_PERCENT": str(value)}

    if 1 <= value <= 50:
        assert Settings.from_env(environ).canary_percent == value
    else:
        with pytest.raises(SettingsError, match="CANARY_PERCENT"):
            Settings.from_env(environ)


def test_settings_derive_arns_beside_the_state_machine():
    """Partition, region and account come from the state machine's ARN."""
    settings = Settings.from_env(ENVIRONMENT)

    assert settings.execution_arn(EXECUTION).endswith(f":execution:retriever-pipeline:{EXECUTION}")
    assert settings.sagemaker_arn("training-job", "a") == "arn:aws:sagemaker:us-east-1:123456789012:training-job/a"


@pytest.mark.parametrize(("variable", "value"), [("EPOCHS", "21"), ("MODEL_NAME", "resnet50"), ("SEED", "18")])
def test_model_digest_changes_with_what_changes_the_model(variable, value):
    """A changed training setting asks for a new run."""
    changed = Settings.from_env({**ENVIRONMENT, variable: value})

    assert changed.model_digest() != Settings.from_env(ENVIRONMENT).model_digest()


@pytest.mark.parametrize(("variable", "value"), [("SCALING_MAX_INSTANCES", "9"), ("ACCURACY_THRESHOLD", "0.5")])
def test_model_digest_ignores_the_rest(variable, value):
    """Scaling and the threshold leave the model as it is."""
    changed = Settings.from_env({**ENVIRONMENT, variable: value})

    assert changed.model_digest() == Settings.from_env(ENVIRONMENT).model_digest()


def test_settings_import_nothing_heavy():
    """The prediction Lambda shares errors and settings, so they bring the standard library only."""
    heavy = "m for m in ('boto3', 'botocore', 'pydantic') if m in sys.modules"
    code = f"import sys, handlers.contract.settings; print([{heavy}])"

    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)

    assert printed.stdout.strip() == "[]"
