"""What EventBridge refuses: entries that are no events or too large, and more targets than a rule may have.

Source: EventBridge API reference, PutEvents and PutTargets; EventBridge user guide, "Quotas" and "PutEvents".
"""

import json
from collections.abc import Mapping
from typing import Any

from moto.events.models import events_backends
from moto.events.responses import EventsHandler

from embedded_account.account import Account
from embedded_account.errors import ServiceError
from embedded_account.wiring.replacement import replace

_MAX_ENTRIES_BYTES = 262_144
_TIME_BYTES = 14
_MAX_TARGETS = 5
_MAX_ENTRIES = 10
_INPUTS = frozenset({"Input", "InputPath", "InputTransformer"})


def install() -> None:
    """Answer PutEvents entry by entry: one that is refused does not hold the others up."""

    def put_events(self: Any) -> Any:
        entries = self._get_param("Entries")
        refusals = [_refusal(entry) for entry in entries]
        if len(entries) > _MAX_ENTRIES or not any(refusals):
            return original(self)
        accepted = [entry for entry, refusal in zip(entries, refusals, strict=True) if refusal is None]
        answers = iter(self.events_backend.put_events(accepted) if accepted else [])
        merged = [refusal or next(answers) for refusal in refusals]
        failed = sum("ErrorCode" in answer for answer in merged)
        return json.dumps({"FailedEntryCount": failed, "Entries": merged}), self.response_headers

    original = replace(EventsHandler, "put_events", put_events, parameters=("self",))


def check_entries(params: Mapping[str, Any]) -> None:
    """Return when the entries of a request are together small enough.

    Raises:
        ServiceError: they are not.
    """
    if sum(map(_entry_bytes, params.get("Entries", []))) > _MAX_ENTRIES_BYTES:
        raise ServiceError("ValidationException", "Total size of the entries in the request is over the limit.")


def check_inputs(params: Mapping[str, Any]) -> None:
    """Return when each target of a request gets one kind of input, and JSON where it is a text of its own.

    Raises:
        ServiceError: one does not.
    """
    for target in params.get("Targets", []):
        if len(_INPUTS & set(target)) > 1:
            what = "Only one of Input, InputPath, or InputTransformer must be provided for target"
            raise ServiceError("ValidationException", f"{what} {target['Id']}.")
        if "Input" in target and not _is_json(target["Input"]):
            raise ServiceError("ValidationException", f"Input of target {target['Id']}: JSON syntax error")


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def check_number_of_targets(account: Account, params: Mapping[str, Any]) -> None:
    """Return when a rule has no more targets than it may with those of a request.

    Raises:
        ServiceError: it would have more.
    """
    bus = events_backends[account.account_id][account.region].event_buses["default"]
    rule = bus.rules.get(params["Rule"])
    present = {target["Id"] for target in (rule.targets if rule else [])}
    if len(present | {target["Id"] for target in params["Targets"]}) > _MAX_TARGETS:
        raise ServiceError("LimitExceededException", "The requested resource exceeds the maximum number allowed.")


def _entry_bytes(entry: Mapping[str, Any]) -> int:
    texts = [entry.get("Source"), entry.get("DetailType"), entry.get("Detail"), *(entry.get("Resources") or [])]
    return sum(len(str(text).encode()) for text in texts if text) + (_TIME_BYTES if entry.get("Time") else 0)


def _refusal(entry: Mapping[str, Any]) -> dict[str, str] | None:
    """Return the answer to an entry that moto would take and AWS does not."""
    if str(entry.get("Source") or "").startswith("aws."):
        return _error("NotAuthorizedForSourceException", "Not authorized for the source.")
    try:
        is_object = isinstance(json.loads(entry.get("Detail") or "{}"), dict)
    except ValueError:
        is_object = False
    return None if is_object else _error("MalformedDetail", "Detail is malformed.")


def _error(code: str, message: str) -> dict[str, str]:
    return {"ErrorCode": code, "ErrorMessage": message}
