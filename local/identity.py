"""Who calls: the account's own root key, and sessions of roles that a service or a caller has assumed."""

import secrets
import string
from dataclasses import dataclass
from threading import Lock

from local.clock import Clock

_ALPHABET = string.ascii_uppercase + string.digits


@dataclass(frozen=True)
class Credentials:
    """What a client signs with. `expires_at` is in seconds since the epoch on the account's clock; None: never."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None
    expires_at: float | None

    def environment(self) -> dict[str, str]:
        """Return the variables from which the AWS SDKs and the AWS CLI read credentials."""
        variables = {"AWS_ACCESS_KEY_ID": self.access_key_id, "AWS_SECRET_ACCESS_KEY": self.secret_access_key}
        return variables | ({"AWS_SESSION_TOKEN": self.session_token} if self.session_token else {})


@dataclass(frozen=True)
class Principal:
    """Whom an access key stands for: a role's session, or the account's root when `role_arn` is empty."""

    role_arn: str
    session_name: str


class Sessions:
    """Issues credentials and knows whose they are."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = Lock()
        self._principals: dict[str, tuple[Principal, Credentials]] = {}
        self.root = self._issue(Principal("", "root"), "AKIA", None)

    def assume(self, role_arn: str, session_name: str, duration_seconds: float = 43_200) -> Credentials:
        """Return credentials of a new session of `role_arn`."""
        return self._issue(Principal(role_arn, session_name), "ASIA", duration_seconds)

    def principal(self, access_key_id: str) -> Principal | None:
        """Return whom `access_key_id` stands for; None when this account never issued it, or it has expired."""
        principal, credentials = self._principals.get(access_key_id, (None, None))
        if credentials is None or (credentials.expires_at and credentials.expires_at < self._clock.time()):
            return None
        return principal

    def _issue(self, principal: Principal, prefix: str, duration_seconds: float | None) -> Credentials:
        key_id = prefix + "".join(secrets.choice(_ALPHABET) for _ in range(16))
        token = secrets.token_urlsafe(48) if duration_seconds is not None else None
        expires_at = self._clock.time() + duration_seconds if duration_seconds is not None else None
        credentials = Credentials(key_id, secrets.token_urlsafe(30), token, expires_at)
        with self._lock:
            self._principals[key_id] = (principal, credentials)
        return credentials
