"""Asynchronous invocation: a queue with retries, an age limit, and a place for what has failed."""

import heapq
import itertools
import logging
from dataclasses import dataclass, field
from threading import Condition

from embedded_account.account import Account
from embedded_account.errors import ServiceError
from embedded_account.lambda_.destinations import Destinations, EventOutcome
from embedded_account.lambda_.event_config import EventConfigs
from embedded_account.lambda_.fleet import Fleets, ThrottledError
from embedded_account.lambda_.invoker import Invoker, Outcome
from embedded_account.lambda_.recursion import RecursiveError
from embedded_account.lambda_.targets import Target

logger = logging.getLogger("embedded_account.lambda")

_RETRY_SECONDS = (60.0, 120.0)  # Source: Lambda developer guide, asynchronous invocation, error handling
_MAX_THROTTLE_WAIT_SECONDS = 300.0


@dataclass
class Event:
    """One queued event. `attempts` counts runs of the handler, `throttles` refusals for lack of concurrency."""

    target: Target
    payload: bytes
    request_id: str
    queued_at: float
    trace: str = ""
    attempts: int = 0
    throttles: int = 0


@dataclass(order=True)
class _Due:
    at: float
    number: int
    event: Event = field(compare=False)


class EventQueue:
    """Runs queued events, each on a thread of its own; the function's concurrency bounds how many run at once."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._invoker = account.singleton(Invoker)
        self._fleets = account.singleton(Fleets)
        self._configs = account.singleton(EventConfigs)
        self._destinations = account.singleton(Destinations)
        self._changed = Condition()
        self._due: list[_Due] = []
        self._numbers = itertools.count()
        account.start_thread("lambda events", self._run)
        account.on_stop(self._wake)

    def add(self, target: Target, payload: bytes, request_id: str, trace: str = "") -> None:
        """Queue one event, due at once."""
        self._invoker.count(target, AsyncEventsReceived=1.0)
        self._push(Event(target, payload or b"{}", request_id, self._account.clock.time(), trace), 0.0)

    def _push(self, event: Event, delay_seconds: float) -> None:
        with self._changed:
            heapq.heappush(self._due, _Due(self._account.clock.time() + delay_seconds, next(self._numbers), event))
            self._changed.notify()

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _run(self) -> None:
        while not self._account.stopping.is_set():
            with self._changed:
                wait = self._due[0].at - self._account.clock.time() if self._due else None
                if wait is None or wait > 0:
                    self._changed.wait(None if wait is None else self._account.clock.real_seconds(wait))
                    continue
                event = heapq.heappop(self._due).event
            self._account.start_thread(f"lambda event {event.request_id}", lambda event=event: self._attempt(event))  # type: ignore[misc]

    def _attempt(self, event: Event) -> None:
        function = event.target.function
        config = self._configs.effective(function.function_name, event.target.qualifier)
        if self._account.clock.time() - event.queued_at > config.max_age_seconds:
            self._destinations.failed(event_outcome(event, "EventAgeExceeded", None), function, config)
            return
        if self._fleets.fleet(function.function_name).reserved == 0:
            self._destinations.failed(event_outcome(event, "ZeroReservedConcurrency", None), function, config)
            return
        try:
            # An alias may have moved since the event came: what serves now runs it.
            target = self._invoker.resolve(event.target.arn)
            age_ms = (self._account.clock.time() - event.queued_at) * 1000
            outcome = self._invoker.invoke(target, event.payload, event.request_id, trace=event.trace)
            self._invoker.count(target, AsyncEventAge=age_ms)
        except RecursiveError:
            self._destinations.failed(event_outcome(event, "RecursiveInvocation", None), function, config)
            return
        except ThrottledError:
            event.throttles += 1
            self._push(event, min(2.0 ** (event.throttles - 1), _MAX_THROTTLE_WAIT_SECONDS))
            return
        except ServiceError as error:
            logger.warning("event %s for %s is dropped: %s", event.request_id, event.target.arn, error)
            return
        event.attempts += 1
        if outcome.function_error is None:
            self._destinations.succeeded(event_outcome(event, "Success", outcome), function, config)
        elif event.attempts <= config.max_retries:
            self._push(event, _RETRY_SECONDS[event.attempts - 1])
        else:
            self._destinations.failed(event_outcome(event, "RetriesExhausted", outcome), function, config)


def event_outcome(event: Event, condition: str, outcome: Outcome | None) -> EventOutcome:
    """Return what is told about `event` to where it goes now."""
    arn = event.target.arn if event.target.qualifier else f"{event.target.arn}:$LATEST"
    return EventOutcome(event.request_id, arn, condition, event.attempts, event.payload, outcome)
