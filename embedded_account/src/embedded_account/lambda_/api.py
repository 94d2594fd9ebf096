"""What the parts of the Lambda API share: the function that a request names, and what works on functions."""

from typing import Any

from embedded_account.account import Account
from embedded_account.errors import ServiceError
from embedded_account.lambda_.event_config import EventConfigs
from embedded_account.lambda_.fleet import Fleets
from embedded_account.lambda_.function import Function
from embedded_account.lambda_.invoker import Invoker
from embedded_account.lambda_.targets import Target, backend_of, latest, resolve

Params = dict[str, Any]
Answer = dict[str, Any]
_PAGE = 50  # Source: Lambda API reference, the List operations: at most 50 items a page


def page(items: list[Any], params: Params, key: str) -> Answer:
    """Return the page of `items` that MaxItems and Marker ask for, under `key`.

    Raises:
        ServiceError: the marker is none that a page returned.
    """
    marker = params.get("Marker") or "0"
    if not marker.isdigit():
        raise ServiceError(
            "InvalidParameterValueException", f"Marker: {marker!r}; pass one that the last page returned"
        )
    start = int(marker)
    end = start + min(params.get("MaxItems") or _PAGE, _PAGE)
    return {key: items[start:end]} | ({"NextMarker": str(end)} if end < len(items) else {})


class LambdaOperations:
    """A part of the Lambda API; `table` of each part names its operations."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._invoker = account.singleton(Invoker)
        self._fleets = account.singleton(Fleets)
        self._configs = account.singleton(EventConfigs)

    @property
    def _backend(self) -> Any:
        return backend_of(self._account)

    def _target(self, params: Params) -> Target:
        return resolve(self._backend, params["FunctionName"], params.get("Qualifier"))

    def _latest(self, params: Params) -> Function:
        return latest(self._backend, params["FunctionName"])
