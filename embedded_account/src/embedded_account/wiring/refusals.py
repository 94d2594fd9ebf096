"""Refusals by name of what the embedded account does not carry out: a pretended success is worse than an error."""

from collections.abc import Collection, Mapping
from typing import Any

from embedded_account.errors import ServiceError

REMEDY = "`embedded-account services` lists what it does"


def refuse(
    operation: str, given: Mapping[str, Any], heeded: Collection[str] | Mapping[str, Collection[Any]], remedy: str = ""
) -> None:
    """Return when all that `given` asks of `operation` is carried out: the members `heeded`.

    Where `heeded` maps a member to values, the member may have these alone; without any, it may have each. A member
    with an empty or false value asks for nothing.

    Raises:
        ServiceError: NotImplemented, for the first member by name whose effect would silently be left out.
    """
    for member in sorted(given):
        value = given[member]
        if not value:
            continue
        if member not in heeded:
            raise not_carried_out(f"{operation}.{member}", remedy or f"leave it out; {REMEDY}")
        values = heeded[member] if isinstance(heeded, Mapping) else ()
        if values and value not in values:
            allowed = " or ".join(map(repr, values))
            raise not_carried_out(f"{operation}.{member}: {value!r}", remedy or f"it takes {allowed}")


def not_carried_out(what: str, remedy: str = REMEDY) -> ServiceError:
    """Return the error of a request for `what`, which AWS carries out and the embedded account does not."""
    return ServiceError("NotImplemented", f"{what}: the embedded account does not carry this out; {remedy}")
