"""Starts an environment of a new version ahead of its first invocation, as AWS does ('proactive initialization').

One at a time and for half of the time at most, so that enough of the machine is left to whoever deploys or uploads; and
after a moment's rest, so that of a function that is published at once only the published version starts. The first of
all does not rest: the process that the others are forks of learns from it what to import, so that they start in a
third of the time.
"""

import logging
import time
from threading import Condition

from embedded_account.account import Account
from embedded_account.lambda_.fleet import Fleets
from embedded_account.lambda_.function import Function

logger = logging.getLogger("embedded_account.lambda")

_REST_SECONDS = 0.5


class Warmer:
    """Knows what is to be started ahead, the newest version of each function."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._fleets = account.singleton(Fleets)
        self._changed = Condition()
        self._waiting: dict[str, Function] = {}
        account.start_thread("lambda warm-up", self._run)
        account.on_stop(self._wake)

    def add(self, function: Function) -> None:
        """Start an environment of `function` soon."""
        with self._changed:
            self._waiting.pop(function.function_name, None)
            self._waiting[function.function_name] = function
            self._changed.notify()

    def now(self) -> str:
        """Return the time as a function's LastModified shows it."""
        return self._account.clock.now().strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _run(self) -> None:
        self._wait_for_work()
        self._start_next()
        while not self._account.stopping.is_set():
            self._wait_for_work()
            self._account.stopping.wait(_REST_SECONDS)
            while (seconds := self._start_next()) is not None:
                self._account.stopping.wait(seconds)

    def _wait_for_work(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._account.stopping.is_set())

    def _start_next(self) -> float | None:
        """Start an environment of the function that has waited longest; return how long it took, None without one."""
        function, since = self._take(), time.monotonic()
        if function is None:
            return None
        self._fleets.warm_up(function.environment_spec())
        return time.monotonic() - since

    def _take(self) -> Function | None:
        with self._changed:
            name = next(iter(self._waiting), None)
            return self._waiting.pop(name) if name and not self._account.stopping.is_set() else None
