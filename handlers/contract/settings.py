"""The environment variables of a handler, typed and checked once, before any AWS call.

Standard library only: the prediction Lambda shares this module and its cold start counts.
"""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, Self

from datasets.limits import MAX_IMAGE_SIDE, MIN_IMAGE_SIDE
from handlers.contract import bearing, combinations
from handlers.contract.errors import SettingsError


def text(*choices: str, default: str | None = None) -> Any:
    """Declare a text variable, limited to `choices` when there are any; without a default it must not be empty."""
    return _declare(default, choices=choices)


def number(low: float, high: float, default: float | None = None) -> Any:
    """Declare a numeric variable within `low`..`high`, both included."""
    return _declare(default, low=low, high=high)


def names(default: tuple[str, ...] | None = None) -> Any:
    """Declare a comma-separated list; blanks and empty entries are dropped."""
    return _declare(default)


def _declare(default: Any, **metadata: Any) -> Any:
    return field(metadata=metadata) if default is None else field(default=default, metadata=metadata)


class FromEnv:
    """Build a dataclass from environment variables named as its fields, in upper case."""

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Return the settings of this process.

        Raises:
            SettingsError: a variable is missing, or its value is out of range; its name is in the message.
        """
        values = os.environ if environ is None else environ
        return cls(**{f.name: _value(f, values) for f in fields(cls)})  # type: ignore[arg-type]

    @classmethod
    def check(cls, environ: Mapping[str, str]) -> None:
        """Look at each variable by itself; one that is absent or blank is passed over.

        Raises:
            SettingsError: a value is out of range.
        """
        for declared in fields(cls):  # type: ignore[arg-type]
            if environ.get(declared.name.upper(), "").strip():
                _value(declared, environ)


def _value(declared: Any, environ: Mapping[str, str]) -> Any:
    variable = declared.name.upper()
    raw = environ.get(variable, "").strip()
    if not raw:
        if declared.default is MISSING:
            raise SettingsError(f"environment variable {variable} is missing; set it on the function in template.yaml")
        return declared.default
    if declared.type in (int, float):
        return _number(variable, raw, declared)
    if declared.type is not str:
        return tuple(part.strip() for part in raw.split(",") if part.strip())
    choices = declared.metadata.get("choices")
    if choices and raw not in choices:
        raise SettingsError(f"environment variable {variable}: {raw!r}; expected one of {', '.join(choices)}")
    return raw


def _number(variable: str, raw: str, declared: Any) -> int | float:
    low, high = declared.metadata["low"], declared.metadata["high"]
    expected = f"expected {'a whole number' if declared.type is int else 'a number'} within {low:g}..{high:g}"
    try:
        value: int | float = declared.type(raw)
    except ValueError as error:
        raise SettingsError(f"environment variable {variable}: {raw!r}; {expected}") from error
    if not low <= value <= high:  # of NaN no comparison holds, nor this one of infinity or of a number of any length
        raise SettingsError(f"environment variable {variable}: {raw!r}; {expected}")
    return value


@dataclass(frozen=True, kw_only=True)
class Settings(FromEnv):
    """What template.yaml tells every handler of the state machine; defaults live there, in its parameters."""

    stack_name: str = text()
    bucket_name: str = text()
    table_name: str = text()
    state_machine_arn: str = text()
    endpoint_name: str = text()
    topic_arn: str = text()
    model_package_group_name: str = text()
    sagemaker_role_arn: str = text()
    unpacking_role_arn: str = text()
    training_image_uri: str = text()
    inference_image_uri: str = text()
    training_source_s3_uri: str = text()

    model_name: str = text()
    weights: str = text("imagenet", "none", "channel", "packaged")
    weights_s3_uri: str = text(default="")
    trainable: str = text("head", "full")
    image_size: int = number(MIN_IMAGE_SIDE, MAX_IMAGE_SIDE)
    epochs: int = number(1, 10_000)
    tuning_epochs: int = number(1, 10_000)
    augment: str = text("none", "basic", "strong")
    feature_views: int = number(0, 32)
    patience: int = number(0, 10_000)
    seed: int = number(0, 2**31 - 1)
    class_balance: str = text("none", "loss", "sampler")
    mixup: float = number(0, 4)
    cutmix: float = number(0, 4)
    randaugment: int = number(0, 30)
    ema_decay: float = number(0, 0.99999)
    progressive_resize: float = number(0.25, 1)
    accumulate: int = number(1, 64)
    validation_fraction: float = number(0.01, 0.5)
    min_images_per_class: int = number(1, 1_000_000)
    max_unreadable: float = number(0, 1)
    settle_seconds: int = number(0, 86_400)
    arrival_queue_url: str = text()
    predict_prefix: str = text()
    group_by: str = text(default="")
    unpack_function_mb: int = number(0, 10_000)

    tuning_mode: str = text("auto", "one_job", "jobs")
    tuning_instance_type: str = text()
    training_instance_type: str = text()
    features_instance_count: int = number(1, 100)
    training_instance_count: int = number(1, 100)
    max_tuning_jobs: int = number(1, 750)
    max_parallel_tuning_jobs: int = number(1, 100)
    tuning_strategy: str = text("Bayesian", "Random", "Grid", "Hyperband")
    tuning_early_stopping: str = text("Auto", "Off")
    tuning_warm_start: str = text("Auto", "Off")
    tuning_max_runtime_seconds: int = number(120, 432_000)
    training_max_runtime_seconds: int = number(60, 432_000)
    profile_steps: int = number(0, 1000)
    warm_pool_seconds: int = number(0, 3600)

    use_spot: str = text("true", "false")
    spot_max_wait_seconds: int = number(60, 432_000)

    accuracy_threshold: float = number(0, 1)
    replace_dataset: str = text(default="")
    approval_required: str = text("true", "false")
    approval_timeout_hours: int = number(1, 168)
    endpoint_kind: str = text("instance", "serverless")
    serverless_memory_mb: int = number(1024, 6144)
    serverless_max_concurrency: int = number(1, 200)
    stop_when_idle_minutes: int = number(0, 10_080)
    endpoint_instance_type: str = text()
    endpoint_instance_count: int = number(1, 1000)
    scaling_min_instances: int = number(1, 1000)
    scaling_max_instances: int = number(1, 1000)
    scaling_target_invocations: float = number(0.01, 1_000_000)
    scale_in_cooldown_seconds: int = number(0, 86_400)
    scale_out_cooldown_seconds: int = number(0, 86_400)
    scaling_measurement: str = text(default="")
    canary_percent: int = number(1, 50)
    canary_wait_seconds: int = number(0, 3600)
    termination_wait_seconds: int = number(1, 3600)
    keep_deployments: int = number(1, 100)
    shadow_percent: int = number(0, 100)
    shadow_seconds: int = number(0, 43_200)
    shadow_min_agreement: float = number(0, 1)
    shadow_max_latency_ratio: float = number(1, 100)
    rollback_alarm_names: tuple[str, ...] = names(default=())
    retrain_when: str = text("changed", "always")
    max_run_dollars: float = number(0, 1_000_000)
    instance_prices: tuple[str, ...] = names(default=())

    def __post_init__(self) -> None:
        """Refuse combinations that AWS would refuse later, in the middle of a run."""
        values = {combinations.parameter_name(f.name): getattr(self, f.name) for f in fields(self)}
        if problems := combinations.problems(values):
            raise SettingsError(
                f"parameters that do not fit together: {'; '.join(problems)}; set them with deploy.py up --parameter"
            )

    def model_settings(self) -> dict[str, Any]:
        """Return every setting that changes the model a run ends with, or its package; the source's URI goes beside.

        A new stack has another bucket than the old one of its name, whose jobs' results are not its own.
        """
        names = bearing.of_model() - {"training_source_s3_uri"}
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name in names}

    def model_digest(self) -> str:
        """Return a digest of these settings."""
        values = [f"{name}={value}" for name, value in self.model_settings().items()]
        return hashlib.sha256("\n".join(values).encode()).hexdigest()

    def execution_arn(self, execution_name: str) -> str:
        """Return the ARN of an execution of this stack's state machine."""
        return f"{self.state_machine_arn.replace(':stateMachine:', ':execution:')}:{execution_name}"

    def sagemaker_arn(self, kind: str, name: str) -> str:
        """Return the ARN, in lower case as SageMaker's are, of a resource of `kind` (such as `training-job`)."""
        _, partition, _, region, account, *_ = self.state_machine_arn.split(":")
        return f"arn:{partition}:sagemaker:{region}:{account}:{kind}/{name.lower()}"
