"""Serves a service from a table of operations: moto parses and serialises, the table answers."""

from collections.abc import Callable, Mapping
from typing import Any

from moto.core.responses import ActionResult, BaseResponse
from moto.core.utils import camelcase_to_underscores

from embedded_account import operations
from embedded_account.moto_patches import mount

# Takes the parameters of the request by their API names; returns the answer or raises ServiceError.
Operation = Callable[[dict[str, Any]], dict[str, Any]]


def serve(service: str, moto_package: str, table: Mapping[str, Operation]) -> None:
    """Carry out the operations of `table`, by their API names, at the root path of `service` (boto3's name)."""
    methods: dict[str, Any] = {camelcase_to_underscores(name): _method(table[name]) for name in table}

    def initialise(self: BaseResponse) -> None:
        BaseResponse.__init__(self, service_name=service)
        self.automated_parameter_parsing = True

    response: Any = type("Responses", (BaseResponse,), {"__init__": initialise, **methods})
    mount(moto_package, {"{0}/$": response.dispatch})
    operations.carry_out(service, set(table))


def _method(operation: Operation) -> Callable[[Any], ActionResult]:
    def method(self: Any) -> ActionResult:
        return ActionResult(operation(_without_nones(self.params)))

    return method


def _without_nones(value: Any) -> Any:
    """Return `value` in dicts and lists of its own, without the members that are None."""
    if isinstance(value, Mapping):
        return {key: _without_nones(member) for key, member in value.items() if member is not None}
    if isinstance(value, list | tuple):
        return [_without_nones(member) for member in value]
    return value
