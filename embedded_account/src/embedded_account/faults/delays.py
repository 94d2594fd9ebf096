"""AWS's own delays: what has just been made, deleted or switched on, and is not so everywhere yet.

Off unless they are switched on, as faults are; measured on the account's clock. Only what becomes while a delay is on
is late.
"""

from threading import Event, Lock

from embedded_account.account import Account
from embedded_account.faults.fault import Fault, parse_delays

_MAX_NOTED = 10_000
_LOOK_SECONDS = 0.25


class Delays:
    """What is late in an account; thread-safe. Without a delay that is on, asking costs nothing."""

    def __init__(self, account: Account) -> None:
        self._clock = account.clock
        self._lock = Lock()
        self._delays: list[Fault] = []
        self._ready_at: dict[tuple[str, str], float] = {}
        self._num_looks: dict[tuple[str, str], int] = {}
        for delay in parse_delays(account.delays):
            delay.id = delay.kind
            self.add(delay)

    def add(self, delay: Fault) -> None:
        """Let what `delay` names be late from now on."""
        with self._lock:
            self._delays = [*self._delays, delay]

    def clear(self, delay_id: str = "") -> list[Fault]:
        """Switch the delay `delay_id` off, or all; return them. What was late because of them is so no more."""
        with self._lock:
            gone = [delay for delay in self._delays if delay_id in {"", delay.id}]
            self._delays = [delay for delay in self._delays if delay not in gone]
            left = {delay.kind for delay in self._delays}
            self._ready_at = {key: at for key, at in self._ready_at.items() if key[0] in left}
        return gone

    def all(self) -> list[Fault]:
        """Return the delays that are on."""
        return self._delays

    def begin(self, kind: str, name: str) -> None:
        """Note that `name` becomes now what is late by a delay of `kind`, if one is on for it."""
        with self._lock:
            seconds = max((each.seconds for each in self._delays if _fits(each, kind, name)), default=0.0)
            if seconds:
                if len(self._ready_at) >= _MAX_NOTED:
                    self._forget_past()
                self._ready_at[kind, name] = self._clock.time() + seconds
                self._num_looks.pop((kind, name), None)

    def remaining(self, kind: str, name: str) -> float:
        """Return for how many seconds of the account's clock `name` is still late; 0 when it is not."""
        ready_at = self._ready_at.get((kind, name)) if self._delays else None
        return max(0.0, ready_at - self._clock.time()) if ready_at else 0.0

    def wait(self, kind: str, name: str, event: Event) -> None:
        """Return once `name` is not late any more, the delay is switched off, or `event` is set."""
        while not event.is_set() and (seconds := self.remaining(kind, name)):
            self._clock.wait(event, min(seconds, _LOOK_SECONDS))

    def misses(self, kind: str, name: str) -> bool:
        """Return whether a look at `name` misses it: every other look does, the first one too, while it is late.

        Reads that are eventually consistent may meet the old state after they have met the new one.
        """
        if not self.remaining(kind, name):
            return False
        with self._lock:
            looks = self._num_looks.get((kind, name), 0)
            self._num_looks[kind, name] = looks + 1
        return looks % 2 == 0

    def _forget_past(self) -> None:
        now = self._clock.time()
        self._ready_at = {key: at for key, at in self._ready_at.items() if at > now}
        self._num_looks = {key: looks for key, looks in self._num_looks.items() if key in self._ready_at}


def _fits(delay: Fault, kind: str, name: str) -> bool:
    return delay.kind == kind and delay.matches(name=name)
