"""Faults of AWS calls, put between a handler's clients and the services of its test."""

import dataclasses
import io
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

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
        if self.chaos and (fault := self.chaos.call(model)):
            return fault
        status, body = self.target.answer(model.name, context["params_of_test"])
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

    def plan(self, at: int, fault: Callable[[], Any] | None) -> None:
        """Begin to count anew; call number `at`, from 0, meets `fault`."""
        self.calls, self.at, self.fault = [], at, fault

    def attach(self, client: Any) -> None:
        client.meta.events.register_first("before-call", self.call)

    def call(self, model: Any, **_: Any) -> Any:
        """Count a call; return what it meets in place of an answer, or None."""
        self.calls.append(model.name)
        self.sites.add((_caller(), model.name))
        return self.fault() if self.fault and len(self.calls) - 1 == self.at else None


def _caller() -> str:
    """Return the file of handlers/ that makes the call, below the module that makes clients."""
    frame = sys._getframe()
    while frame := frame.f_back:  # type: ignore[assignment]
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(HANDLERS) and path != CLIENTS:
            return path.relative_to(HANDLERS).as_posix()
    return ""


def refusal(code: str, status: int = 400) -> tuple[Any, dict[str, Any]]:
    """Return what a service answers when it refuses a call with `code`."""
    return Response(status), {"Error": {"Code": code, "Message": f"{code} of a test"}}
