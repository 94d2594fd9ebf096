"""Faults of events on their way to a target: lost, doubled, late, out of order."""

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from embedded_account.account import Account
from embedded_account.faults.board import Board
from embedded_account.faults.fault import EVENT_KINDS, Fault

_BEHIND_SECONDS = 0.5  # real ones; an event that waits for another comes so long after it


class Events:
    """Lets the faults of events happen."""

    def __init__(self, account: Account, board: Board) -> None:
        self._account = account
        self._board = board
        self._lock = threading.Lock()
        self._held: list[tuple[Fault, Callable[[], None]]] = []

    def deliver(self, event: dict[str, Any], target_arn: str, deliver: Callable[[], None]) -> None:
        """Call `deliver` once, as usual, or as the next fault that fits the event, or it and the target, has it."""
        fault, kind = None, str(event.get("detail-type", ""))
        names = (kind, f"{kind} > {target_arn}")
        if not self._board.is_empty:
            occasion = f"{kind!r} {event.get('id', '')}"
            fault = self._board.take(*EVENT_KINDS, occasion=occasion, name=names)
        if fault is None:
            deliver()
            self._release(*names)
        elif fault.kind == "duplicate-event":
            for _ in range(fault.copies):
                deliver()
        elif fault.kind == "delay-event":
            self._later(fault.seconds, deliver)
        elif fault.kind == "reorder-events":
            self._hold(fault, deliver)

    def _hold(self, fault: Fault, deliver: Callable[[], None]) -> None:
        """Keep an event back until another that fits the fault has passed, or the fault's lifetime is over."""
        with self._lock:
            held = (fault, deliver)
            self._held.append(held)
        self._later(fault.lifetime_seconds, lambda: self._let_go(held))

    def _release(self, *names: str) -> None:
        with self._lock:
            due = [held for held in self._held if held[0].matches(name=names)]
        for held in due:
            self._later(_BEHIND_SECONDS * self._account.clock.speed, partial(self._let_go, held))

    def _let_go(self, held: tuple[Fault, Callable[[], None]]) -> None:
        with self._lock:
            if held not in self._held:
                return
            self._held.remove(held)
        held[1]()

    def _later(self, seconds: float, action: Callable[[], None]) -> None:
        self._account.call_later("held event", seconds, action)
