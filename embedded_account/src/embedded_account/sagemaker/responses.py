"""The HTTP side of SageMaker: moto parses and serialises, the table of operations answers."""

from collections.abc import Callable, Mapping
from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import camelcase_to_underscores
from moto.sagemaker.responses import SageMakerResponse

from embedded_account.moto_patches import mount
from embedded_account.sagemaker.shared import operations, validation


class Responses(SageMakerResponse):
    """Answers each operation of the table; the account refuses the others before they get here."""


def install() -> None:
    """Serve SageMaker's JSON protocol with `Responses`."""
    for name in validation.service_model().operation_names:
        setattr(Responses, camelcase_to_underscores(name), _method(name))
    mount("sagemaker", {"{0}/$": Responses.dispatch})


def _method(name: str) -> Callable[[Responses], ActionResult]:
    def method(self: Responses) -> ActionResult:
        params = plain(self.params)
        validation.check(name, params)
        return ActionResult(operations.operation(name)(params))

    return method


def plain(value: Any) -> Any:
    """Return `value` in dicts and lists of its own, without the members that are None."""
    if isinstance(value, Mapping):
        return {key: plain(member) for key, member in value.items() if member is not None}
    if isinstance(value, list | tuple):
        return [plain(member) for member in value]
    return value
