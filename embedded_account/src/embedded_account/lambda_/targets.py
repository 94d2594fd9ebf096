"""Which version of which function a name, ARN and qualifier stand for."""

import random
import re
from dataclasses import dataclass
from typing import Any

from embedded_account.account import Account
from embedded_account.errors import ServiceError
from embedded_account.lambda_.function import Function

LATEST = "$LATEST"
_NAME = re.compile(
    r"(?:(?:arn:aws[\w-]*:lambda:(?P<region>[a-z0-9-]+):)?(?P<account>\d{12}):(?:function:)?)?"
    r"(?P<name>[\w-]{1,140})(?::(?P<qualifier>\$LATEST|[\w-]+))?"
)


@dataclass(frozen=True)
class Target:
    """What is invoked or configured: one version, and the qualifier by which the caller named it ('' for none)."""

    function: Function
    qualifier: str
    arn: str


def parse_name(name_or_arn: str, qualifier: str | None) -> tuple[str, str]:
    """Return the function's bare name and the qualifier ('' for none).

    Raises:
        ServiceError: it is no name of a function, or two qualifiers disagree.
    """
    match = _NAME.fullmatch(name_or_arn)
    if match is None:
        raise ServiceError(
            "ValidationException",
            f"1 validation error detected: Value '{name_or_arn}' at 'functionName' is no name or ARN",
        )
    own = match["qualifier"]
    if own and qualifier and own != qualifier:
        raise ServiceError(
            "InvalidParameterValueException", "The derived qualifier from the function name does not match"
        )
    return match["name"], own or qualifier or ""


def resolve(backend: Any, name_or_arn: str, qualifier: str | None = None) -> Target:
    """Return what `name_or_arn` with `qualifier` stands for; an alias with weights picks one of its two versions.

    Raises:
        ServiceError: there is no such function, version or alias.
    """
    name, named = parse_name(name_or_arn, qualifier)
    _require_here(backend, name_or_arn)
    storage = backend._lambdas
    base = function_arn(backend, name)
    arn = f"{base}:{named}" if named else base
    entry = storage._functions.get(name)
    if entry is None or entry["latest"] is None:
        raise _not_found(arn if named else f"{base}:{LATEST}")
    version = named or LATEST
    alias = storage._aliases[base].get(named)
    if alias is not None:
        version = _pick_version(alias)
    if version == LATEST:
        return Target(entry["latest"], named, arn)
    function = next((one for one in entry["versions"] if str(one.version) == version), None)
    if function is None:
        raise _not_found(arn)
    return Target(function, named, arn)


def _require_here(backend: Any, name_or_arn: str) -> None:
    match = _NAME.fullmatch(name_or_arn)
    region, account_id = (match["region"], match["account"]) if match else (None, None)
    if region not in {None, backend.region_name}:
        raise ServiceError(
            "ResourceNotFoundException",
            f"Functions from '{region}' are not reachable in this region ('{backend.region_name}')",
        )
    if account_id not in {None, backend.account_id}:
        raise ServiceError(
            "AccessDeniedException",
            f"no resource-based policy of the account {account_id} allows access to the function: {name_or_arn}",
        )


def backend_of(account: Account) -> Any:
    """Return what moto keeps of the account's functions."""
    from moto.awslambda.models import lambda_backends

    return lambda_backends[account.account_id][account.region]


def function_arn(backend: Any, name: str) -> str:
    """Return the ARN of the function `name`, without a qualifier."""
    return f"arn:aws:lambda:{backend.region_name}:{backend.account_id}:function:{name}"


def latest(backend: Any, name_or_arn: str) -> Function:
    """Return $LATEST of a function, whatever qualifier the name carries."""
    _require_here(backend, name_or_arn)
    return resolve(backend, parse_name(name_or_arn, None)[0]).function


def aliases_of(backend: Any, function: Function) -> dict[str, Any]:
    """Return a function's aliases by name."""
    aliases: dict[str, Any] = backend._lambdas._aliases[function_arn(backend, function.function_name)]
    return aliases


def versions_of(alias: Any) -> set[str]:
    """Return the versions that an alias leads to."""
    return {alias.function_version, *((alias.routing_config or {}).get("AdditionalVersionWeights") or {})}


def _pick_version(alias: Any) -> str:
    weights = (alias.routing_config or {}).get("AdditionalVersionWeights") or {}
    for version, weight in weights.items():
        if random.random() < float(weight):  # noqa: S311 (a share of traffic, not a secret)
            return str(version)
    return str(alias.function_version)


def _not_found(arn: str) -> ServiceError:
    return ServiceError("ResourceNotFoundException", f"Function not found: {arn}")
