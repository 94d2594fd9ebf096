"""The keys of the account, each with its policy and state.

Source: AWS KMS developer guide, "Key states of AWS KMS keys" and "Deleting an AWS KMS key".
"""

import json
import re
import threading
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from embedded_account.account import Account
from embedded_account.errors import ServiceError

_ID = re.compile("(mrk-)?[0-9a-f-]{32,36}")


@dataclass
class Key:
    """One symmetric key for encryption; `deletion_at` is set while its deletion is pending."""

    key_id: str
    arn: str
    policy: str
    description: str
    created_at: datetime
    tags: dict[str, str] = field(default_factory=dict)
    is_enabled: bool = True
    rotates: bool = False
    deletion_at: datetime | None = None

    @property
    def state(self) -> str:
        """Return the key's state by AWS's name."""
        if self.deletion_at is not None:
            return "PendingDeletion"
        return "Enabled" if self.is_enabled else "Disabled"


class Keys:
    """Finds keys by id or ARN; one whose waiting time is over is gone."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self._keys: dict[str, Key] = {}
        self._lock = threading.Lock()
        account.persist("keys", self.all, self._restore)

    def all(self) -> list[Key]:
        """Return every key that there is, oldest first."""
        now = self.account.clock.now()
        with self._lock:
            over = [key for key in self._keys.values() if key.deletion_at is not None and key.deletion_at <= now]
            for key in over:
                del self._keys[key.key_id]
            return list(self._keys.values())

    def find(self, name: str) -> Key | None:
        """Return the key with this id or ARN; None where there is none."""
        return next((key for key in self.all() if name in (key.key_id, key.arn)), None)

    def get(self, name: str) -> Key:
        """Return the key with this id or ARN.

        Raises:
            ServiceError: NotFoundException.
        """
        key = self.find(name)
        if key is None:
            is_id = _ID.fullmatch(name.rpartition("/")[2])
            missing = f"Key {self._arn(name)!r} does not exist" if is_id else f"Invalid keyId {name!r}"
            raise ServiceError("NotFoundException", missing)
        return key

    def create(self, policy: str, description: str, tags: dict[str, str]) -> Key:
        """Return a new key; without a policy it has AWS's default one, which leaves all to the account's IAM."""
        key_id = str(uuid.uuid4())
        policy = policy or self._default_policy()
        key = Key(key_id, self._arn(key_id), policy, description, self.account.clock.now(), tags)
        with self._lock:
            self._keys[key_id] = key
        return key

    def _restore(self, keys: list[Key]) -> None:
        self._keys.update({key.key_id: key for key in keys})

    def _arn(self, name: str) -> str:
        where = f"arn:aws:kms:{self.account.region}:{self.account.account_id}"
        return name if name.startswith("arn:") else f"{where}:key/{name}"

    def _default_policy(self) -> str:
        statement: dict[str, Any] = {
            "Sid": "Enable IAM User Permissions",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{self.account.account_id}:root"},
            "Action": "kms:*",
            "Resource": "*",
        }
        return json.dumps({"Version": "2012-10-17", "Id": "key-default-1", "Statement": [statement]})
