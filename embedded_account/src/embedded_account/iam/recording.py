"""Remembers, when it is told to, which permissions an account's callers used."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from embedded_account.account import Account
from embedded_account.iam.context import Context
from embedded_account.iam.evaluation import Decision, Request
from embedded_account.identity import Principal

FILE = "permissions.jsonl"
_PRINCIPAL = ("role_arn", "session_name", "service", "source_arn", "user_arn", "session_policy")


class Recorder:
    """Appends each new kind of decision to a file; without one it does nothing."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._seen: set[tuple[str, ...]] = set()
        self._lock = Lock()

    @classmethod
    def of(cls, account: Account) -> "Recorder":
        """Return a recorder that writes to the account's folder, if the account was started to record permissions."""
        return cls(account.folder / FILE if account.records_permissions else None)

    def note(self, request: Request, decision: Decision) -> None:
        """Remember a decision; one of the same caller, action and resource is remembered once."""
        if self._path is None:
            return
        caller = request.principal
        prefix = request.context.values("s3:prefix") or ("",)
        key = (caller.role_arn, caller.service, caller.source_arn, request.action, request.resource, prefix[0])
        if (*key, str(decision.is_allowed)) in self._seen:
            return
        record = {
            "principal": {name: getattr(caller, name) for name in _PRINCIPAL},
            "action": request.action,
            "resource": request.resource,
            "context": request.context.known(),
            "allowed": decision.is_allowed,
        }
        with self._lock, self._path.open("a") as file:
            self._seen.add((*key, str(decision.is_allowed)))
            file.write(json.dumps(record) + "\n")


@dataclass(frozen=True)
class Recorded:
    """A request that was decided on, to be decided on again."""

    request: Request
    was_allowed: bool


def recorded(folder: Path) -> Iterable[Recorded]:
    """Return what the account of `folder` has recorded."""
    for line in (folder / FILE).read_text().splitlines():
        source: dict[str, Any] = json.loads(line)
        principal = Principal(**source["principal"])
        context = Context(source["context"], lowered=True)
        yield Recorded(Request(principal, source["action"], source["resource"], context), source["allowed"])
