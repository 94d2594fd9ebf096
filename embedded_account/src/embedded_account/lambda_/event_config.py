"""The event invoke configurations: how often an asynchronous event is retried, for how long, and where it goes then."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from embedded_account.account import Account
from embedded_account.errors import ServiceError

_DEFAULT_RETRIES = 2
_DEFAULT_AGE_SECONDS = 21_600
_FIELDS = ("MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig")


@dataclass(frozen=True)
class EffectiveConfig:
    """What holds for one event."""

    max_retries: int
    max_age_seconds: float
    on_success_arn: str
    on_failure_arn: str


class EventConfigs:
    """The configurations of every function, by qualifier ('$LATEST', a version or an alias)."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._stored: dict[tuple[str, str], dict[str, Any]] = {}
        self._modified: dict[tuple[str, str], datetime] = {}
        account.persist_members("lambda-event-configs", self, "_stored", "_modified")

    def put(self, function_name: str, qualifier: str, request: dict[str, Any]) -> None:
        """Store the fields of `request` instead of what was stored.

        Raises:
            ServiceError: successes are to go to a bucket, which takes failures alone.
        """
        bucket_arn = ((request.get("DestinationConfig") or {}).get("OnSuccess") or {}).get("Destination") or ""
        if bucket_arn.split(":")[2:3] == ["s3"]:
            raise ServiceError(
                "InvalidParameterValueException",
                f"OnSuccess destination {bucket_arn!r}: a bucket is a destination of failures alone",
            )
        key = (function_name, qualifier or "$LATEST")
        self._stored[key] = {name: request[name] for name in _FIELDS if request.get(name) is not None}
        destinations = {"OnSuccess": {}, "OnFailure": {}} | (request.get("DestinationConfig") or {})
        self._stored[key]["DestinationConfig"] = destinations
        self._modified[key] = self._account.clock.now()

    def update(self, function_name: str, qualifier: str, request: dict[str, Any]) -> None:
        """Store the fields of `request` over what was stored.

        Raises:
            ServiceError: nothing was.
        """
        self.describe(function_name, qualifier, "")
        self.put(function_name, qualifier, self._stored[function_name, qualifier or "$LATEST"] | request)

    def describe(self, function_name: str, qualifier: str, base_arn: str) -> dict[str, Any]:
        """Return FunctionEventInvokeConfig.

        Raises:
            ServiceError: there is none.
        """
        key = (function_name, qualifier or "$LATEST")
        if key not in self._stored:
            raise ServiceError(
                "ResourceNotFoundException",
                f"The function {base_arn or function_name}:{key[1]} doesn't have an EventInvokeConfig",
            )
        return {"FunctionArn": f"{base_arn}:{key[1]}", "LastModified": self._modified[key], **self._stored[key]}

    def list(self, function_name: str, base_arn: str) -> list[dict[str, Any]]:
        """Return all of one function."""
        return [
            self.describe(name, qualifier, base_arn) for name, qualifier in list(self._stored) if name == function_name
        ]

    def delete(self, function_name: str, qualifier: str | None) -> None:
        """Forget the configuration of `qualifier`, or all of the function for None."""
        for key in [key for key in list(self._stored) if key[0] == function_name and qualifier in {None, key[1]}]:
            del self._stored[key], self._modified[key]

    def effective(self, function_name: str, qualifier: str) -> EffectiveConfig:
        """Return what holds for an event that came by `qualifier` ('' for none)."""
        stored = self._stored.get((function_name, qualifier or "$LATEST"), {})
        destinations = stored.get("DestinationConfig") or {}
        return EffectiveConfig(
            max_retries=int(stored.get("MaximumRetryAttempts", _DEFAULT_RETRIES)),
            max_age_seconds=float(stored.get("MaximumEventAgeInSeconds", _DEFAULT_AGE_SECONDS)),
            on_success_arn=(destinations.get("OnSuccess") or {}).get("Destination", ""),
            on_failure_arn=(destinations.get("OnFailure") or {}).get("Destination", ""),
        )
