"""Event source mappings: which queue feeds which function, and in what batches."""

import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from embedded_account.account import Account
from embedded_account.errors import ServiceError
from embedded_account.lambda_.function import Function
from embedded_account.wiring.refusals import not_carried_out

REPORTS_FAILURES = "ReportBatchItemFailures"
_SETTINGS = ("BatchSize", "Enabled", "FunctionResponseTypes", "MaximumBatchingWindowInSeconds", "ScalingConfig")
_DEFAULTS = {"BatchSize": 10, "Enabled": True, "MaximumBatchingWindowInSeconds": 0}
_MAX_BATCH, _MAX_FIFO_BATCH = 10_000, 10
_MAX_WINDOW_SECONDS = 300
_CONCURRENCY = range(2, 1001)

Mapped = Mapping[str, Any]


class EventSources:
    """The mappings of the account, by their UUID."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._mappings: dict[str, dict[str, Any]] = {}
        account.persist_members("lambda-event-sources", self, "_mappings")

    def add(self, params: Mapped, function: Function, function_arn: str) -> Mapped:
        """Map the queue of a CreateEventSourceMapping request to a function.

        Raises:
            ServiceError: the request is not valid, there is no such queue, or the two are mapped already.
        """
        source = str(params.get("EventSourceArn") or "")
        if not source.startswith("arn:aws:sqs:"):
            raise not_carried_out(f"EventSourceArn {source!r}", "events come from SQS queues alone")
        self._refuse_second(source, function_arn)
        mapping = {"UUID": str(uuid.uuid4()), "EventSourceArn": source, "FunctionArn": function_arn}
        return self._keep({**mapping, **_DEFAULTS, **_settings(params)}, function)

    def update(self, mapping_id: str, params: Mapped, function: Function, function_arn: str) -> Mapped:
        """Change the settings that an UpdateEventSourceMapping request gives.

        Raises:
            ServiceError: there is no such mapping, or the request is not valid.
        """
        return self._keep({**self.find(mapping_id), **_settings(params), "FunctionArn": function_arn}, function)

    def find(self, mapping_id: str) -> Mapped:
        """Return a mapping.

        Raises:
            ServiceError: there is none.
        """
        if mapping_id not in self._mappings:
            raise ServiceError("ResourceNotFoundException", "The resource you requested does not exist.")
        return self._mappings[mapping_id]

    def get(self, mapping_id: str) -> Mapped | None:
        """Return a mapping, or None."""
        return self._mappings.get(mapping_id)

    def all(self) -> Iterator[Mapped]:
        """Yield every mapping."""
        yield from list(self._mappings.values())

    def remove(self, mapping_id: str) -> Mapped:
        """Forget a mapping; return what it was.

        Raises:
            ServiceError: there is none.
        """
        mapping = self.find(mapping_id)
        del self._mappings[mapping_id]
        return mapping

    def note_result(self, mapping_id: str, result: str) -> None:
        """Keep what came of the last batch, as the mapping shows it."""
        if mapping_id in self._mappings:
            self._mappings[mapping_id] = {**self._mappings[mapping_id], "LastProcessingResult": result}

    def describe(self, mapping: Mapped, state: str = "") -> dict[str, Any]:
        """Return EventSourceMappingConfiguration; while AWS is at it, it is in the `state` that the answer tells."""
        region, account_id = self._account.region, self._account.account_id
        shown = {name: value for name, value in mapping.items() if name != "Enabled"}
        return shown | {
            "EventSourceMappingArn": f"arn:aws:lambda:{region}:{account_id}:event-source-mapping:{mapping['UUID']}",
            "State": state or ("Enabled" if mapping["Enabled"] else "Disabled"),
            "StateTransitionReason": "USER_INITIATED",
        }

    def _keep(self, mapping: dict[str, Any], function: Function) -> Mapped:
        _check(mapping)
        queue = queue_of(self._account, mapping["EventSourceArn"])
        if queue is None:
            raise ServiceError(
                "InvalidParameterValueException",
                "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. SQS "
                "Error Message: The specified queue does not exist.",
            )
        if int(queue.visibility_timeout) < int(function.timeout):
            raise ServiceError(
                "InvalidParameterValueException",
                f"Queue visibility timeout: {queue.visibility_timeout} seconds is less than Function timeout: "
                f"{function.timeout} seconds",
            )
        kept = mapping | {"LastModified": self._account.clock.now()}
        self._mappings[mapping["UUID"]] = kept
        return kept

    def _refuse_second(self, source: str, function_arn: str) -> None:
        for other in self.all():
            if (other["EventSourceArn"], other["FunctionArn"]) == (source, function_arn):
                raise ServiceError(
                    "ResourceConflictException",
                    f'An event source mapping with SQS arn (" {source} ") and function (" {function_arn} ") already '
                    f"exists. Please update or delete the existing mapping with UUID {other['UUID']}",
                )


def queue_of(account: Account, arn: str) -> Any | None:
    """Return moto's queue, or None."""
    from moto.sqs.models import sqs_backends

    return sqs_backends[account.account_id][account.region].queues.get(arn.rpartition(":")[2])


def _settings(params: Mapped) -> dict[str, Any]:
    return {name: params[name] for name in _SETTINGS if params.get(name) is not None}


def _check(mapping: Mapped) -> None:
    """Raise unless the settings go together. Source: Lambda API reference, CreateEventSourceMapping."""
    size, window = mapping["BatchSize"], mapping["MaximumBatchingWindowInSeconds"]
    is_fifo = mapping["EventSourceArn"].endswith(".fifo")
    largest = _MAX_FIFO_BATCH if is_fifo else _MAX_BATCH
    concurrency = (mapping.get("ScalingConfig") or {}).get("MaximumConcurrency")
    problem = ""
    if not 1 <= size <= largest:
        problem = f"Batch size {size} is invalid; it must be 1 to {largest} for this queue"
    elif not 0 <= window <= _MAX_WINDOW_SECONDS:
        problem = f"Maximum batch window in seconds {window} is invalid; it must be 0 to {_MAX_WINDOW_SECONDS}"
    elif window and is_fifo:
        problem = "Batching window is not supported for FIFO queues"
    elif size > _MAX_FIFO_BATCH and not window:
        problem = "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
    elif concurrency is not None and concurrency not in _CONCURRENCY:
        problem = f"MaximumConcurrency {concurrency} is invalid; it must be 2 to 1000"
    elif unknown := set(mapping.get("FunctionResponseTypes") or ()) - {REPORTS_FAILURES}:
        problem = f"FunctionResponseTypes {sorted(unknown)} is invalid; it may be {REPORTS_FAILURES}"
    if problem:
        raise ServiceError("InvalidParameterValueException", problem)
