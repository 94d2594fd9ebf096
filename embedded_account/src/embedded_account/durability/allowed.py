"""What a state file may make: data. Nothing else in one is ever imported, called or built.

A pickle names classes and functions, and whoever reads it calls them; so a planted file could run anything. Here every
name is looked up in this list first, when a state is written as well, so that what is missing is found at once. Of
moto's modules of data any class may be made; they take values and run none of them. Of our own, the classes by name.
"""

from importlib import import_module
from typing import Any

_PLAIN = {
    "builtins": {"bytearray", "dict", "frozenset", "list", "set", "tuple"},
    "collections": {"Counter", "OrderedDict", "defaultdict", "deque"},
    "datetime": {"date", "datetime", "time", "timedelta", "timezone"},
    "decimal": {"Decimal"},
    "pathlib": {"Path", "PosixPath", "PurePosixPath"},
    "re": {"_compile"},
    "uuid": {"UUID"},
    "weakref": {"WeakValueDictionary"},
}
_MOTO = frozenset(
    {
        "moto.awslambda.policy",
        "moto.dynamodb.models",
        "moto.dynamodb.models.dynamo_type",
        "moto.dynamodb.models.table",
        "moto.dynamodb.models.table_export",
        "moto.dynamodb.models.table_import",
        "moto.events.models",
        "moto.iam.models",
        "moto.logs.metric_filters",
        "moto.logs.models",
        "moto.s3.models",
        "moto.s3.utils",
        "moto.scheduler.models",
        "moto.sns.models",
        "moto.sqs.models",
        "moto.ssm.models",
        "moto.stepfunctions.models",
        "moto.stepfunctions.parser.api",
        "moto.stepfunctions.parser.backend.execution",
        "moto.utilities.tagging_service",
        "moto.utilities.utils",
    }
)
_OWN = {
    "autoscaling.scaling": {"Policy", "Target"},
    "autoscaling.tracking": {"TrackedMetric"},
    "budgets.budgets": {"Budget"},
    "cloudformation.intrinsics": {"Values", "_NoValue"},
    "cloudformation.plan": {"Cause", "Change", "Plan", "PropertyChange"},
    "cloudformation.stacks": {"ChangeSet", "Stable", "Stack", "StackEvent", "StackResource"},
    "cloudformation.templates": {"Definition", "Template"},
    "cloudwatch.alarms": {"Alarm"},
    "durability.pickles": {"_factory", "_nested", "_new_condition", "_new_defaultdict", "_new_event", "_new_lock"}
    | {"_new_path"},
    "identity": {"Credentials"},
    "kms.keys": {"Key"},
    "lambda_.function": {"Function"},
    "lambda_.urls": {"FunctionUrl", "_no_listener"},
    "metrics": {"Bucket", "Series", "SeriesKey"},
    "moto_core.steady": {"SteadyDict"},
    "s3.disk": {"DiskBuffer", "StoredFile"},
    "sagemaker.registry.model_packages": {"Group"},
    "stepfunctions.past": {"PastWorker"},
}
# This module of moto holds more than data: what starts containers stands in it too.
_FUNCTIONS = {"EventInvokeConfig", "EventSourceMapping", "FunctionUrlConfig", "ImageConfig", "LambdaStorage"}
_FUNCTIONS |= {"LambdaAlias", "LambdaVersion", "Layer", "LayerStorage", "LayerVersion", "Permission"}
_NAMES = (
    {"moto.awslambda.models": _FUNCTIONS}
    | _PLAIN
    | {f"embedded_account.{module}": names for module, names in _OWN.items()}
)


class ForbiddenError(Exception):
    """A state names something that is no data."""


def check(module: str, name: str) -> None:
    """Return when a state may make what `module` calls `name`.

    Raises:
        ForbiddenError: it may not.
    """
    if name not in _NAMES.get(module, ()) and module not in _MOTO:
        raise ForbiddenError(f"state: names {module}.{name}, which is no data of an account; it is not taken back")


def lookup(module: str, name: str) -> Any:
    """Return what `module` calls `name`, if a state may make it.

    Raises:
        ForbiddenError: it may not.
    """
    check(module, name)
    target: Any = import_module(module)
    for part in name.split("."):
        target = getattr(target, part, None)
    if module in _MOTO and not (isinstance(target, type) and target.__module__ == module):
        raise ForbiddenError(f"state: names {module}.{name}, which is no class of that module; it is not taken back")
    return target
