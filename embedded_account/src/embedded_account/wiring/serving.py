"""Serves a service: moto parses and serialises, and operations are answered by a table, by moto, or by both."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from moto.core.responses import ActionResult, BaseResponse
from moto.core.utils import camelcase_to_underscores

from embedded_account.account import Account
from embedded_account.wiring.operations import Operations

# Takes the parameters of the request by their API names; returns the answer or raises ServiceError.
Operation = Callable[[dict[str, Any]], dict[str, Any]]
# Takes the same parameters; raises ServiceError for what is refused.
Check = Callable[[dict[str, Any]], object]
_PACKAGES = {
    "application-autoscaling": "applicationautoscaling",
    "lambda": "awslambda",
    "service-quotas": "servicequotas",
}
_BY_PATH = frozenset({"lambda"})  # whose operations have paths of their own


@dataclass(frozen=True)
class _Unrouted:
    """A request past moto, as `parameters` reads one."""

    params: Mapping[str, Any]


def serve(
    account: Account,
    service: str,
    own: Mapping[str, Operation],
    *,
    from_moto: Collection[str] = (),
    checks: Mapping[str, Check] | None = None,
) -> None:
    """Carry out the operations of `service` (boto3's name) that `own` has by their API names, and `from_moto` as moto.

    Every other operation of the service is refused by its name. `checks` are as `check` takes them.
    """
    account.singleton(Operations).carry_out(service, {*own, *from_moto})
    if own:
        _mount(service, _response_class(service, own, inherits=bool(from_moto)))
    check(account, service, checks or {})


def check(account: Account, service: str, checks: Mapping[str, Check]) -> None:
    """Let each of `checks`, by the name of an operation, refuse requests that the caller may make."""

    def check_action(of_service: str, operation: str, response: Any) -> None:
        if of_service == service and operation in checks:
            checks[operation](without_nones(parameters(response)))

    if checks:
        account.add_action_check(check_action)


def check_unrouted(account: Account, service: str, operation: str, params: Mapping[str, Any]) -> None:
    """Let every action check look at a request that is answered past moto's routing, by its parameters.

    Raises:
        ServiceException: it is refused.
    """
    for check_action in account.action_checks:
        check_action(service, operation, _Unrouted(params))


def parameters(response: Any) -> dict[str, Any]:
    """Return the parameters of an operation that moto's `response` is to answer, by their names in AWS's model."""
    params = getattr(response, "params", None)
    if hasattr(response, "automated_parameter_parsing"):
        if not response.automated_parameter_parsing:
            response.parse_parameters(response.normalized_request)
            params = response.params
        return {**response.uri_match, **(params or {})}
    return dict(params or {})


def _response_class(service: str, own: Mapping[str, Operation], *, inherits: bool) -> type[BaseResponse]:
    base = _class_of_moto(service) if inherits else BaseResponse
    methods: dict[str, Any] = {camelcase_to_underscores(name): _method(own[name]) for name in own}

    def initialise(self: BaseResponse) -> None:
        base.__init__(self, **({} if inherits else {"service_name": service}))
        self.automated_parameter_parsing = True

    return type("Responses", (base,), {"__init__": initialise, **methods})


def _class_of_moto(service: str) -> Any:
    """Return the class by which moto answers `service`."""
    (kind,) = {path.__self__ for path in _urls(service).url_paths.values()}
    assert issubclass(kind, BaseResponse), f"moto answers {service} by {kind}; was moto upgraded?"
    return kind


def _mount(service: str, response: type[BaseResponse]) -> None:
    """Let `response` answer instead of moto's own class; call before the first request to `service`."""
    module = _urls(service)
    assert isinstance(module.url_paths, dict), f"{module.__name__}.url_paths moved; was moto upgraded?"
    pattern = "{0}/.*$" if service in _BY_PATH else "{0}/$"
    module.url_paths = {pattern: response.dispatch}


def _urls(service: str) -> Any:
    return import_module(f"moto.{_PACKAGES.get(service, service)}.urls")


def _method(operation: Operation) -> Callable[[Any], ActionResult]:
    def method(self: Any) -> ActionResult:
        return ActionResult(operation(without_nones(self.params)))

    return method


def without_nones(value: Any) -> Any:
    """Return `value` in dicts and lists of its own, without the members that are None."""
    if isinstance(value, Mapping):
        return {key: without_nones(member) for key, member in value.items() if member is not None}
    if isinstance(value, list | tuple):
        return [without_nones(member) for member in value]
    return value
