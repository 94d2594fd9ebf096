"""The faults that wait to happen, and the record of those that did."""

import itertools
import logging
from collections import deque
from collections.abc import Callable
from threading import RLock
from typing import Any

from embedded_account.account import Account
from embedded_account.faults.delays import Delays
from embedded_account.faults.fault import DELAY_KINDS, Fault

logger = logging.getLogger("embedded_account.faults")

_LOOK_SECONDS = 0.02  # real ones
_MAX_HISTORY = 1000


class Board:
    """Keeps the faults of an account; thread-safe. `is_empty` costs nothing, which is the usual state."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._lock = RLock()
        self._faults: list[Fault] = []
        self._numbers = itertools.count(1)
        self._history: deque[dict[str, Any]] = deque(maxlen=_MAX_HISTORY)
        self._look: Callable[[], None] = lambda: None
        self._looking = False
        self._delays = account.singleton(Delays)

    @property
    def is_empty(self) -> bool:
        """Return whether nothing waits to happen; delays do not wait."""
        return not self._faults

    def watch(self, look: Callable[[], None]) -> None:
        """Call `look` many times a second while any fault waits."""
        self._look = look

    def add(self, fault: Fault) -> Fault:
        """Let `fault` happen from now on; return it with its id."""
        with self._lock:
            fault.id = f"fault-{next(self._numbers)}"
            if fault.kind in DELAY_KINDS:
                self._delays.add(fault)
                logger.warning("delay added: %s", fault.describe())
                return fault
            fault.expires_at = self._account.clock.time() + fault.lifetime_seconds
            self._faults = [*self._faults, fault]
            start, self._looking = not self._looking, True
        logger.warning("fault added: %s", fault.describe())
        if start:
            self._account.start_thread("faults", self._loop)
        return fault

    def clear(self, fault_id: str = "") -> int:
        """Remove the fault `fault_id`, or all; return how many were removed."""
        with self._lock:
            gone = [fault for fault in self._faults if fault_id in {"", fault.id}]
            self._faults = [fault for fault in self._faults if fault not in gone]
            gone += self._delays.clear(fault_id)
        for fault in gone:
            logger.warning("fault cleared: %s", fault.id)
        return len(gone)

    def waiting(self, *kinds: str) -> list[Fault]:
        """Return the faults of `kinds` that wait, oldest first; of every kind without one, delays last."""
        with self._lock:
            if not kinds:
                return [*self._faults, *self._delays.all()]
            return [fault for fault in self._faults if not kinds or fault.kind in kinds]

    def history(self) -> list[dict[str, Any]]:
        """Return what happened, oldest first."""
        with self._lock:
            return list(self._history)

    def take(self, *kinds: str, occasion: str, **actual: str | tuple[str, ...]) -> Fault | None:
        """Return the first fault of `kinds` that fits `actual` and is due, one of its count used up; or None.

        `occasion` says in the log to what it happens.
        """
        with self._lock:
            for fault in self.waiting(*kinds):
                if not fault.matches(**actual):
                    continue
                if fault.skip:
                    fault.skip -= 1
                elif self.use(fault, occasion):
                    return fault
        return None

    def use(self, fault: Fault, occasion: str) -> bool:
        """Use up one of the count of `fault` for `occasion`; return whether there still was one."""
        with self._lock:
            if fault not in self._faults:
                return False
            fault.count -= 1
            if fault.count <= 0:
                self._faults = [each for each in self._faults if each is not fault]
            at = self._account.clock.now().isoformat()
            self._history.append({"at": at, "id": fault.id, "kind": fault.kind, "occasion": occasion})
        logger.warning("fault %s (%s): %s; %d left", fault.id, fault.kind, occasion, fault.count)
        return True

    def _loop(self) -> None:
        while not self._account.stopping.wait(_LOOK_SECONDS):
            self._expire()
            with self._lock:
                if not self._faults:
                    self._looking = False
                    return
            try:
                self._look()
            except Exception:
                logger.exception("a fault could not be made")

    def _expire(self) -> None:
        now = self._account.clock.time()
        for fault in list(self._faults):
            if fault.expires_at < now:
                self.clear(fault.id)
