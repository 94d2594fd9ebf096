"""Delivers an event to a target, with retries, and to the target's dead-letter queue when they are used up.

Both EventBridge rules and EventBridge Scheduler end here.
"""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError
from moto.core.exceptions import ServiceException

from embedded_account.account import Account
from embedded_account.events.error_codes import error_code
from embedded_account.identity import Principal
from embedded_account.wiring.refusals import not_carried_out

logger = logging.getLogger("embedded_account.events")

SCHEDULER = "scheduler.amazonaws.com"
_DEFAULT_ATTEMPTS = 185  # EventBridge's documented default, over at most 24 hours
_DEFAULT_AGE_SECONDS = 86_400.0
_GATHER_SECONDS = 0.05  # real ones: handing over each event alone takes a fifth of what a put does
_FIRST_DELAY_SECONDS, _LONGEST_DELAY_SECONDS = 1.0, 600.0
_RETRIED_CODES = (
    "Throttl",
    "TooManyRequests",
    "ServiceUnavailable",
    "ServiceException",
    "InternalFailure",
    "InternalError",
    "500",
    "502",
    "503",
    "504",
)


@dataclass(frozen=True)
class Target:
    """Where an event goes. `source_arn` is the rule or schedule; `role_arn` is whom the delivery acts as, if any.

    `message_group_id` is for a FIFO queue.
    """

    arn: str
    source_arn: str
    role_arn: str = ""
    dead_letter_arn: str = ""
    message_group_id: str = ""
    max_retries: int = _DEFAULT_ATTEMPTS
    max_age_seconds: float = _DEFAULT_AGE_SECONDS

    @property
    def service(self) -> str:
        """The principal that delivers."""
        return SCHEDULER if _service(self.source_arn) == "scheduler" else "events.amazonaws.com"

    def client(self, account: Account, service: str) -> Any:
        """Return a client that acts as the target's role, or as the service on behalf of the rule without one."""
        return account.client(service, self.role_arn, by=self.service, source_arn=self.source(self.role_arn))

    def source(self, role_arn: str) -> str:
        """Return whom the service acts for: the Scheduler assumes a role for a schedule's group."""
        if not role_arn or self.service != SCHEDULER:
            return self.source_arn
        schedule, _, _ = self.source_arn.rpartition("/")
        return schedule.replace(":schedule/", ":schedule-group/", 1)

    @classmethod
    def from_request(cls, target: dict[str, Any], source_arn: str) -> "Target":
        """Read the target as PutTargets and CreateSchedule take it."""
        retry = target.get("RetryPolicy") or {}
        dead_letter = target.get("DeadLetterConfig") or {}
        return cls(
            arn=str(target["Arn"]),
            source_arn=source_arn,
            role_arn=str(target.get("RoleArn") or ""),
            dead_letter_arn=str(dead_letter.get("Arn") or ""),
            message_group_id=str((target.get("SqsParameters") or {}).get("MessageGroupId") or ""),
            max_retries=int(retry.get("MaximumRetryAttempts", _DEFAULT_ATTEMPTS)),
            max_age_seconds=float(retry.get("MaximumEventAgeInSeconds", _DEFAULT_AGE_SECONDS)),
        )


def check_supported(arn: str) -> None:
    """Raise unless events can really be delivered to `arn`."""
    if _service(arn) not in _SENDERS:
        raise not_carried_out(f"target {arn!r}", f"it delivers to {', '.join(sorted(_SENDERS))} only")


class _Waiting(NamedTuple):
    """A payload on its way; its time is the account's."""

    payload: str
    num_retries: int
    accepted_at: float


_Send = Callable[[Account, Target, str], None]


class Deliveries:
    """Sends events on threads of its own; what is under way ends with the account."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._lock = Lock()
        self._waiting: dict[Target, list[_Waiting]] = {}  # for queues that EventBridge sends to as itself
        self._pool = ThreadPoolExecutor(max_workers=8, thread_name_prefix="delivery")
        account.on_stop(lambda: self._pool.shutdown(wait=False, cancel_futures=True))

    def submit(self, target: Target, payload: str) -> None:
        """Deliver `payload`, a JSON text, to `target`; returns at once."""
        self._submit(target, payload, num_retries=0, accepted_at=self._account.clock.time())

    def submit_event(self, event: dict[str, Any], target: Target, payload: str) -> None:
        """Deliver what `event` became for `target`, unless one of the account's filters has it otherwise."""

        def deliver() -> None:
            self.submit(target, payload)

        for each in self._account.delivery_filters:
            deliver = partial(each, event, target.arn, deliver)
        deliver()

    def _submit(self, target: Target, payload: str, num_retries: int, accepted_at: float) -> None:
        with suppress(RuntimeError):  # the account stops, and so the pool takes nothing more
            if target.role_arn or _service(target.arn) != "sqs":
                self._pool.submit(self._deliver, target, payload, num_retries, accepted_at)
            elif self._is_first(target, _Waiting(payload, num_retries, accepted_at)):
                self._pool.submit(self._deliver_waiting, target)

    def _is_first(self, target: Target, waiting: "_Waiting") -> bool:
        """Let a payload wait for its queue; return whether none did before, whose delivery would take it along."""
        with self._lock:
            before = self._waiting.setdefault(target, [])
            before.append(waiting)
            return len(before) == 1

    def _deliver_waiting(self, target: Target) -> None:
        """Deliver all that waits for a queue: of an upload there is one event for each object, and one decision."""
        self._account.stopping.wait(_GATHER_SECONDS)
        with self._lock:
            waiting = self._waiting.pop(target)
        send = _sender_to_queue(self._account, target)
        for each in waiting:
            self._deliver(target, each.payload, each.num_retries, each.accepted_at, send)

    def _deliver(
        self, target: Target, payload: str, num_retries: int, accepted_at: float, send: "_Send | None" = None
    ) -> None:
        try:
            (send or _SENDERS[_service(target.arn)])(self._account, target, payload)
        except (ClientError, BotoCoreError) as error:
            self._retry_or_bury(target, payload, num_retries, accepted_at, error)
        except Exception as error:
            logger.exception("delivery to %s failed", target.arn)
            self._bury(target, payload, num_retries, error)

    def _retry_or_bury(
        self, target: Target, payload: str, num_retries: int, accepted_at: float, error: ClientError | BotoCoreError
    ) -> None:
        age_seconds = self._account.clock.time() - accepted_at
        delay_seconds = min(_LONGEST_DELAY_SECONDS, _FIRST_DELAY_SECONDS * 2.0**num_retries)
        exhausted = num_retries >= target.max_retries or age_seconds + delay_seconds > target.max_age_seconds
        if exhausted or not _is_retried(error):
            self._bury(target, payload, num_retries, error)
            return
        logger.warning("delivery to %s failed, retried in %.0f s: %s", target.arn, delay_seconds, error)
        again = partial(self._submit, target, payload, num_retries + 1, accepted_at)
        self._account.call_later(f"retry for {target.arn}", delay_seconds, again)

    def _bury(self, target: Target, payload: str, num_retries: int, error: Exception) -> None:
        logger.error("an event of %s did not reach %s: %s", target.source_arn, target.arn, error)
        name = target.source_arn.rpartition("/")[2]
        self._account.put_metric("AWS/Events", "FailedInvocations", 1, "Count", {"RuleName": name})
        if not target.dead_letter_arn:
            return
        attributes = {
            "RULE_ARN": target.source_arn,
            "TARGET_ARN": target.arn,
            "ERROR_CODE": _code(error) if target.service == SCHEDULER else error_code(error),
            "ERROR_MESSAGE": str(error) or type(error).__name__,
            "RETRY_ATTEMPTS": str(num_retries),
            "EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts" if _is_retried(error) else "NotRetriable",
        }
        # Scheduler sends as the schedule's role; EventBridge as itself, which the queue's policy must allow.
        role_arn = target.role_arn if target.service == SCHEDULER else ""
        sqs = self._account.client("sqs", role_arn, by=target.service, source_arn=target.source(role_arn))
        sqs.send_message(
            QueueUrl=_queue_url(self._account, target.dead_letter_arn),
            MessageBody=payload,
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
            },
        )


def _service(arn: str) -> str:
    return [*arn.split(":"), "", "", ""][2]


def _code(error: Exception) -> str:
    return str(error.response["Error"]["Code"]) if isinstance(error, ClientError) else type(error).__name__


def _is_retried(error: Exception) -> bool:
    """Return whether another try may succeed: connection faults, throttling and server errors."""
    return isinstance(error, BotoCoreError) or _code(error).startswith(_RETRIED_CODES)


def _queue_url(account: Account, queue_arn: str) -> str:
    name = queue_arn.rpartition(":")[2]
    return str(account.client("sqs").get_queue_url(QueueName=name)["QueueUrl"])


def _send_to_lambda(account: Account, target: Target, payload: str) -> None:
    target.client(account, "lambda").invoke(FunctionName=target.arn, InvocationType="Event", Payload=payload.encode())


def _send_to_state_machine(account: Account, target: Target, payload: str) -> None:
    target.client(account, "stepfunctions").start_execution(stateMachineArn=target.arn, input=payload)


def _send_to_queue(account: Account, target: Target, payload: str) -> None:
    """Send as the target's role over HTTP."""
    group = {"MessageGroupId": target.message_group_id} if target.message_group_id else {}
    target.client(account, "sqs").send_message(QueueUrl=_queue_url(account, target.arn), MessageBody=payload, **group)


def _sender_to_queue(account: Account, target: Target) -> "_Send":
    """Return what sends to a queue as EventBridge itself, within the account; what it may is decided here."""
    from moto.sqs.models import sqs_backends

    caller = Principal("", "", target.service, target.source_arn)
    refusal: Exception | None = None
    try:
        account.require_access(caller, "sqs:SendMessage", target.arn, {})
    except Exception as error:  # noqa: BLE001 (it is raised for each that is sent)
        refusal = error
    backend = sqs_backends[account.account_id][account.region]
    name = target.arn.rpartition(":")[2]

    def send(_account: Account, _target: Target, payload: str) -> None:
        try:
            if refusal is not None:
                raise refusal
            backend.send_message(name, payload, group_id=target.message_group_id or None)
        except ServiceException as error:
            answer: Any = {"Error": {"Code": error.code, "Message": error.message}}
            raise ClientError(answer, "SendMessage") from error

    return send


def _send_to_topic(account: Account, target: Target, payload: str) -> None:
    target.client(account, "sns").publish(TopicArn=target.arn, Message=payload)


def _send_to_log_group(account: Account, target: Target, payload: str) -> None:
    group = target.arn.split(":log-group:")[-1].removesuffix(":*")
    account.write_log(group, target.source_arn.rpartition("/")[2], [payload])


_SENDERS = {
    "lambda": _send_to_lambda,
    "states": _send_to_state_machine,
    "sqs": _send_to_queue,
    "sns": _send_to_topic,
    "logs": _send_to_log_group,
}
