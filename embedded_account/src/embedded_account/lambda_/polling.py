"""Feeds functions from queues, as their event source mappings say.

One thread a mapping gathers batches, so that they are fuller than AWS's, where five pollers and more gather at once.
What fails stays in the queue, hidden until its visibility time-out is over, and goes to the dead-letter queue when it
was received too often.
"""

import logging
from collections import Counter
from threading import Condition
from typing import Any

from embedded_account.account import Account
from embedded_account.errors import ServiceError
from embedded_account.identity import Principal
from embedded_account.lambda_.event_sources import REPORTS_FAILURES, EventSources, Mapped, queue_of
from embedded_account.lambda_.fleet import ThrottledError
from embedded_account.lambda_.invoker import Invoker
from embedded_account.lambda_.queue_batches import events, failed, trace
from embedded_account.lambda_.targets import Target
from embedded_account.sqs.moto_messages import delete_all

logger = logging.getLogger("embedded_account.lambda")

_DEFAULT_CONCURRENCY = 10
_LOOK_SECONDS = 0.25  # real ones: how soon what becomes visible again is seen
_PAUSE_SECONDS = 5.0  # after what makes receiving impossible
_ACTIONS = ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")


class Polling:
    """Polls the queues of all mappings."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._sources = account.singleton(EventSources)
        self._invoker = account.singleton(Invoker)
        self._busy: Counter[str] = Counter()
        self._changed = Condition()
        account.after_restore.append(self._begin_all)

    def begin(self, mapping_id: str) -> None:
        """Poll for a mapping from now on, until it is removed."""
        self._account.start_thread(f"event source {mapping_id}", lambda: self._run(mapping_id))

    def _begin_all(self) -> None:
        for mapping in self._sources.all():
            self.begin(mapping["UUID"])

    def _run(self, mapping_id: str) -> None:
        while not self._account.stopping.is_set() and (mapping := self._sources.get(mapping_id)):
            try:
                messages = self._gather(mapping) if mapping["Enabled"] and self._has_room(mapping) else []
                for part, event in events(messages, mapping["EventSourceArn"]):
                    self._hand_over(mapping, part, event)
                if not messages:
                    self._rest(mapping)
            except Exception as error:  # noqa: BLE001 (whatever it is, the next try may find it gone)
                self._sources.note_result(mapping_id, f"PROBLEM: {error}")
                logger.warning("event source %s: %s", mapping_id, error)
                self._account.clock.wait(self._account.stopping, _PAUSE_SECONDS)

    def _has_room(self, mapping: Mapped) -> bool:
        most = (mapping.get("ScalingConfig") or {}).get("MaximumConcurrency") or _DEFAULT_CONCURRENCY
        with self._changed:
            return self._busy[mapping["UUID"]] < most

    def _rest(self, mapping: Mapped) -> None:
        """Wait until there may be messages, or room for them."""
        queue = queue_of(self._account, mapping["EventSourceArn"])
        condition = queue._messages_lock if queue and mapping["Enabled"] and self._has_room(mapping) else self._changed
        with condition:
            condition.wait(_LOOK_SECONDS)

    def _gather(self, mapping: Mapped) -> list[Any]:
        """Return a batch: as soon as there is a message, or once the window is over or it is full."""
        clock, messages = self._account.clock, self._receive(mapping, mapping["BatchSize"])
        if not messages or not mapping["MaximumBatchingWindowInSeconds"]:
            return messages
        end = clock.time() + mapping["MaximumBatchingWindowInSeconds"]
        while len(messages) < mapping["BatchSize"] and clock.time() < end:
            if self._account.stopping.wait(clock.real_seconds(end - clock.time())):
                break
            messages += self._receive(mapping, mapping["BatchSize"] - len(messages))
        return messages

    def _receive(self, mapping: Mapped, count: int) -> list[Any]:
        from moto.sqs.models import sqs_backends

        queue = queue_of(self._account, mapping["EventSourceArn"])
        if queue is None or not queue._messages:
            return []
        self._require_access(mapping)
        backend: Any = sqs_backends[self._account.account_id][self._account.region]
        received: list[Any] = backend.receive_message(
            queue.name, count, 0, int(queue.visibility_timeout), message_attribute_names=["All"]
        )
        return received

    def _require_access(self, mapping: Mapped) -> None:
        function = self._invoker.resolve(mapping["FunctionArn"]).function
        caller = Principal(function.role, function.function_name, "lambda.amazonaws.com")
        for action in _ACTIONS:
            self._account.require_access(caller, f"sqs:{action}", mapping["EventSourceArn"], {})

    def _hand_over(self, mapping: Mapped, messages: list[Any], event: bytes) -> None:
        mapping_id = mapping["UUID"]
        with self._changed:
            while not self._has_room(mapping) and not self._account.stopping.is_set():
                self._changed.wait(_LOOK_SECONDS)
            self._busy[mapping_id] += 1

        def work() -> None:
            try:
                self._work_on(mapping, messages, event)
            finally:
                with self._changed:
                    self._busy[mapping_id] -= 1
                    self._changed.notify_all()

        self._account.start_thread(f"batch of {mapping_id}", work)

    def _work_on(self, mapping: Mapped, messages: list[Any], event: bytes) -> None:
        done = {message.id for message in messages} - self._failures(mapping, messages, event)
        queue = queue_of(self._account, mapping["EventSourceArn"])
        if queue is not None:
            delete_all(queue, {message.receipt_handle for message in messages if message.id in done})

    def _failures(self, mapping: Mapped, messages: list[Any], event: bytes) -> set[str]:
        """Invoke the function on the batch; return the ids of the messages that it has not dealt with."""
        everything = {message.id for message in messages}
        try:
            target = self._invoker.resolve(mapping["FunctionArn"])
            outcome = self._invoke(target, event, max(map(trace, messages), key=len))
        except ServiceError as error:
            self._sources.note_result(mapping["UUID"], f"PROBLEM: {error}")
            logger.warning("event source %s: %s", mapping["UUID"], error)
            return everything
        if outcome.function_error:
            self._sources.note_result(mapping["UUID"], "PROBLEM: Function call failed")
            return everything
        self._sources.note_result(mapping["UUID"], "OK")
        reports = REPORTS_FAILURES in (mapping.get("FunctionResponseTypes") or ())
        return failed(outcome.payload, messages) if reports else set()

    def _invoke(self, target: Target, event: bytes, header: str) -> Any:
        """Invoke, again and again while there is no concurrency left; a batch that takes too long is seen once more."""
        wait = 1.0
        while True:
            try:
                return self._invoker.invoke(target, event, trace=header)
            except ThrottledError:
                if wait > 60.0 or self._account.clock.wait(self._account.stopping, wait):  # noqa: PLR2004 (a minute)
                    raise
                wait *= 2
