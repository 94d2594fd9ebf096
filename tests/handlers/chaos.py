"""Faults of AWS calls, put between a handler's clients and the services of its test."""

import contextlib
import dataclasses
import functools
import io
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from handlers.contract.errors import AwsError
from tests.handlers.environment import HANDLERS

CLIENTS = HANDLERS / "aws" / "clients.py"


class Switch:
    """Hands a client's calls to the recorder of the running test; clients are made once, since that takes longest."""

    target: Any = None
    chaos: "Chaos | None" = None

    def attach(self, client: Any, events: Iterable[str]) -> None:
        for event in events:
            client.meta.events.register_first(f"provide-client-params.{event}", self._keep)
            client.meta.events.register_first(f"before-call.{event}", self._answer)

    def _keep(self, params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        context["params_of_test"] = dict(params)

    def _answer(self, model: Any, context: dict[str, Any], **_: Any) -> Any:
        if self.target is None:
            return None
        params = context["params_of_test"]
        if self.chaos and (fault := self.chaos.call(model, lambda: self.target.answer(model.name, params))):
            return fault
        status, body = self.target.answer(model.name, params)
        return Response(status), body


@dataclasses.dataclass
class Response:
    status_code: int
    raw: Any = dataclasses.field(default_factory=io.BytesIO)
    headers: dict[str, str] = dataclasses.field(default_factory=dict)


class Chaos:
    """Counts every AWS call of a test and, when told to, lets one of them fail or ends the process before it."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.sites: set[tuple[str, str]] = set()  # of all tests: a file of handlers/, and the operation called there
        self.fault: Callable[[], Any] | None = None
        self.at = -1
        self.is_carried_out = False
        self.is_replaying = False

    def plan(self, at: int, fault: Callable[[], Any] | None, *, carried_out: bool = False) -> None:
        """Begin to count anew; call number `at`, from 0, meets `fault`, after the service has done what it asks for.

        A fault that does nothing then stands for an answer that is lost: the client sends the request once more, and
        the caller gets the answer to the second one.
        """
        self.calls, self.at, self.fault, self.is_carried_out = [], at, fault, carried_out

    def attach(self, client: Any) -> None:
        """Stand in front of a client; what it is given is kept, to carry it out twice."""
        client.meta.events.register_first("provide-client-params", self._keep)
        client.meta.events.register_first("before-call", functools.partial(self._before_call, client))

    def _keep(self, params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        context["params_of_chaos"] = dict(params)

    def _before_call(self, client: Any, model: Any, context: dict[str, Any], **_: Any) -> Any:
        return self.call(model, lambda: client._make_api_call(model.name, context["params_of_chaos"]))

    def call(self, model: Any, carry_out: Callable[[], object]) -> Any:
        """Count a call; return what it meets in place of an answer, or None."""
        if self.is_replaying:
            return None
        self.calls.append(model.name)
        self.sites.add((_caller(), model.name))
        if self.fault is None or len(self.calls) - 1 != self.at:
            return None
        if self.is_carried_out:
            self.is_replaying = True
            with contextlib.suppress(AwsError):  # it may be refused; no one hears of it
                carry_out()
            self.is_replaying = False
        return self.fault()


def _caller() -> str:
    """Return the file of handlers/ that makes the call, below the module that makes clients."""
    frame = sys._getframe()
    while frame := frame.f_back:  # type: ignore[assignment]
        if name := _below_handlers(frame.f_code.co_filename):
            return name
    return ""


@functools.cache
def _below_handlers(file: str) -> str:
    path = Path(file)
    return path.relative_to(HANDLERS).as_posix() if path.is_relative_to(HANDLERS) and path != CLIENTS else ""


def refusal(code: str, status: int = 400, message: str = "") -> tuple[Any, dict[str, Any]]:
    """Return what a service answers when it refuses a call with `code`."""
    return Response(status), {"Error": {"Code": code, "Message": message or f"{code} of a test"}}
