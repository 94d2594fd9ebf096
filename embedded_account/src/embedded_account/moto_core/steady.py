"""Lets moto's state be read on one thread while another changes it, as requests and workers do here.

moto iterates over its dictionaries while it makes answers; one that grows meanwhile raises RuntimeError, and an event
or a list is lost. What is put in their place is read as of the moment at which the reading began.
"""

import sys
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import nullcontext
from threading import RLock
from typing import Any

from moto.core.base_backend import AccountSpecificBackend
from moto.core.responses import BaseResponse

from embedded_account.wiring.replacement import replace

# Classes besides the backends whose instances hold what requests share, by moto's package.
_HOLDERS = {
    "awslambda": ("LambdaStorage", "LayerStorage"),
    "events": ("EventBus",),
    "iam": ("Role", "User", "Group"),
    "logs": ("LogGroup",),
    "scheduler": ("ScheduleGroup",),
    "sns": ("Topic",),
}
# Looking and then writing is one step to DynamoDB's callers: a condition holds for the write that it guards.
_ONE_AT_A_TIME = ("dynamodb", "iam", "ssm")


class SteadyDict(dict[Any, Any]):
    """A dictionary whose keys, values and items are lists of the moment at which they were asked for."""

    def __iter__(self) -> Iterator[Any]:
        return iter(self.keys())

    def keys(self) -> Any:
        """Return the keys there are now."""
        return list(dict.keys(self))

    def values(self) -> Any:
        """Return the values there are now."""
        return list(dict.values(self))

    def items(self) -> Any:
        """Return the items there are now."""
        return list(dict.items(self))


def install() -> None:
    """Give moto's backends and what they hold such dictionaries; let conditional operations pass one by one."""
    _steady_backends()
    _one_at_a_time()


def _steady_backends() -> None:
    changed: set[str] = set()  # the packages whose classes give their instances such dictionaries already

    def made(backend: Any, *positional: Any, **keywords: Any) -> Any:
        package = backend.__module__.split(".")[1]
        if package not in changed:
            changed.add(package)
            for name in _HOLDERS.get(package, ()):
                _steady_from_the_start(getattr(sys.modules[backend.__module__], name))
        instance = backend(*positional, **keywords)
        steady(instance)
        return instance

    def initialise(self: Any, service_name: str, account_id: str, backend: Any, *rest: Any, **named: Any) -> None:
        original(self, service_name, account_id, backend, *rest, **named)
        self.backend = lambda *positional, **keywords: made(backend, *positional, **keywords)

    parameters = ("self", "service_name", "account_id", "backend", "use_boto3_regions", "additional_regions")
    original = replace(AccountSpecificBackend, "__init__", initialise, parameters=parameters)


def _one_at_a_time() -> None:
    locks = {service: RLock() for service in _ONE_AT_A_TIME}

    def call_action(self: Any) -> Any:
        with locks.get(self.boto3_service_name) or nullcontext():
            return call(self)

    call = replace(BaseResponse, "call_action", call_action, parameters=("self",))


def _steady_from_the_start(kind: Any) -> None:
    def initialise(self: Any, *positional: Any, **keywords: Any) -> None:
        original(self, *positional, **keywords)
        steady(self)

    original = kind.__init__
    kind.__init__ = initialise


def steady(owner: Any) -> None:
    """Put a SteadyDict in the place of each dictionary that is an attribute of `owner`."""
    for name, value in vars(owner).items():
        if type(value) in (dict, OrderedDict):
            setattr(owner, name, SteadyDict(value))
