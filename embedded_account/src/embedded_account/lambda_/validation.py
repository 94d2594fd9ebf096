"""What a function's settings must satisfy: Lambda's own limits, and what an environment here can honour."""

import json
import re
from typing import Any

from embedded_account.errors import ServiceError
from embedded_account.wiring.refusals import REMEDY, not_carried_out

# Whichever it is, the account's own Python runs the code, held to the runtime's grammar where that is the older one.
RUNTIMES = ("python3.9", "python3.10", "python3.11", "python3.12", "python3.13", "python3.14")
MAX_LAYERS = 5
_MAX_VARIABLES_BYTES = 4096  # Source: Lambda quotas, environment variables
_NAME = re.compile(r"[\w-]{1,64}")
_RANGES = {"Timeout": (1, 900), "MemorySize": (128, 10_240)}
_RESERVED_VARIABLES = re.compile(
    r"_HANDLER|_X_AMZN_TRACE_ID|AWS_(DEFAULT_)?REGION|AWS_EXECUTION_ENV|AWS_LAMBDA_\w+|AWS_ACCESS_KEY(_ID)?"
    r"|AWS_SECRET_ACCESS_KEY|AWS_SESSION_TOKEN|LAMBDA_TASK_ROOT|LAMBDA_RUNTIME_DIR"
)
_ALLOWED_VARIABLES = {"AWS_LAMBDA_EXEC_WRAPPER", "AWS_LAMBDA_LOG_LEVEL"}
_REFUSED = ("VpcConfig", "FileSystemConfigs", "ImageConfig", "SnapStart", "CapacityProviderConfig", "DurableConfig")


def check(spec: dict[str, Any]) -> None:
    """Raise unless a request's settings are within Lambda's limits and can be honoured here.

    Raises:
        ServiceError: a setting is not; NotImplemented where AWS would take it.
    """
    _check_limits(spec)
    _check_variables(spec.get("Environment", {}).get("Variables", {}))
    _refuse_unsupported(spec)


def _check_limits(spec: dict[str, Any]) -> None:
    name = spec.get("FunctionName", "f").rsplit(":", 1)[-1]
    if not _NAME.fullmatch(name):
        raise _invalid("functionName", name, "Member must have length less than or equal to 64")
    for setting, (lowest, highest) in _RANGES.items():
        value = spec.get(setting, lowest)
        if not lowest <= int(value) <= highest:
            raise _invalid(setting[0].lower() + setting[1:], value, f"Member must be between {lowest} and {highest}")
    handler = spec.get("Handler", "app.handler")
    if not handler or any(letter.isspace() for letter in handler):
        raise _invalid("handler", handler, "Member must satisfy regular expression pattern: [^\\s]+")
    if len(spec.get("Layers", [])) > MAX_LAYERS:
        raise ServiceError("InvalidParameterValueException", f"Cannot reference more than {MAX_LAYERS} layers.")


def _check_variables(variables: dict[str, Any]) -> None:
    size = len(json.dumps(variables, separators=(",", ":"), ensure_ascii=False).encode())
    if size > _MAX_VARIABLES_BYTES:
        raise ServiceError(
            "InvalidParameterValueException",
            "Lambda was unable to configure your environment variables because the environment variables you have"
            f" provided exceeded the 4KB limit. Measured: {size} bytes",
        )
    reserved = [name for name in variables if _RESERVED_VARIABLES.fullmatch(name) and name not in _ALLOWED_VARIABLES]
    if reserved:
        raise ServiceError(
            "InvalidParameterValueException",
            "Lambda was unable to configure your environment variables because the environment variables you have"
            " provided contains reserved keys that are currently not supported for modification."
            f" Reserved keys used in this request: {', '.join(reserved)}",
        )


def _refuse_unsupported(spec: dict[str, Any]) -> None:
    runtime = spec.get("Runtime", RUNTIMES[-1])
    if runtime not in RUNTIMES:
        raise not_carried_out(f"Runtime: {runtime!r}", f"use one of {', '.join(RUNTIMES)}")
    code = spec.get("Code", spec)
    if spec.get("PackageType", "Zip") != "Zip" or "ImageUri" in code:
        raise not_carried_out("PackageType: 'Image'", "use a Zip package")
    if code.get("S3ObjectVersion"):
        what = f"S3ObjectVersion: {code['S3ObjectVersion']!r}"
        raise not_carried_out(what, "put each version under a key of its own")
    if "AWS_LAMBDA_EXEC_WRAPPER" in spec.get("Environment", {}).get("Variables", {}):
        raise not_carried_out("AWS_LAMBDA_EXEC_WRAPPER", "leave it out, wrapper scripts are not run")
    if spec.get("LoggingConfig", {}).get("LogFormat", "Text") != "Text":
        raise not_carried_out("LoggingConfig.LogFormat: 'JSON'", "use Text")
    for name in _REFUSED:
        value = spec.get(name)
        if value and any(_leaves(value)) and value != {"ApplyOn": "None"}:
            raise not_carried_out(f"{name}: {value!r}", f"leave it out; {REMEDY}")


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in _leaves(item)]
    if isinstance(value, list):
        return [leaf for item in value for leaf in _leaves(item)]
    return [value]


def _invalid(member: str, value: Any, constraint: str) -> ServiceError:
    return ServiceError(
        "ValidationException",
        f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {constraint}",
    )
