"""Who calls: root, sessions of roles, AWS's own services, and users with keys of their own."""

import secrets
import string
from dataclasses import dataclass
from functools import cached_property
from threading import Lock

from embedded_account.clock import Clock

ACCOUNT_ID = "123456789012"
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
    """Who asks: a role's session, a service, a user, the account's root, or anybody.

    `service` is a service's principal name such as events.amazonaws.com, and `source_arn` is the resource on whose
    behalf it acts: with a `role_arn` the service assumed the role, without one it acts as itself.
    """

    role_arn: str
    session_name: str
    service: str = ""
    source_arn: str = ""
    user_arn: str = ""
    session_policy: str = ""
    is_anonymous: bool = False

    @property
    def is_root(self) -> bool:
        """Whether this is the account's root, whom no policy of an identity binds."""
        return not (self.role_arn or self.service or self.user_arn or self.is_anonymous)

    @property
    def account_id(self) -> str:
        """The account that the principal belongs to; AWS's word for none, where nobody knows who asks."""
        if self.is_anonymous:
            return "anonymous"
        return (self.role_arn or self.user_arn or f":::::{ACCOUNT_ID}").split(":")[4] or ACCOUNT_ID

    @cached_property
    def arn(self) -> str:
        """The ARN by which AWS's messages name the caller; a service's principal name, where it acts as itself."""
        if self.role_arn:
            role_name = self.role_arn.rsplit("/", 1)[-1]
            return f"arn:aws:sts::{self.account_id}:assumed-role/{role_name}/{self.session_name}"
        if self.is_anonymous:
            return "anonymous"
        return self.user_arn or self.service or f"arn:aws:iam::{ACCOUNT_ID}:root"


ANONYMOUS = Principal("", "", is_anonymous=True)


class Sessions:
    """Issues credentials and knows whose they are."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = Lock()
        self._principals: dict[str, tuple[Principal, Credentials]] = {}
        self._services: dict[tuple[str, str], Credentials] = {}
        self.root = self._issue(Principal("", "root"), "AKIA", None)

    def assume(
        self,
        role_arn: str,
        session_name: str,
        duration_seconds: float = 43_200,
        *,
        session_policy: str = "",
    ) -> Credentials:
        """Return credentials of a new session of `role_arn`."""
        principal = Principal(role_arn, session_name, session_policy=session_policy)
        return self._issue(principal, "ASIA", duration_seconds)

    def of_service(self, service: str, source_arn: str) -> Credentials:
        """Return the credentials with which `service` acts as itself for the resource `source_arn`."""
        key = (service, source_arn)
        if key not in self._services:
            self._services[key] = self._issue(Principal("", "", service, source_arn), "ASIA", None)
        return self._services[key]

    def adopt_root(self, credentials: Credentials) -> None:
        """Let the account's root go on with the key that it had before a restart."""
        with self._lock:
            self._principals[credentials.access_key_id] = (Principal("", "root"), credentials)
        self.root = credentials

    def principal(self, access_key_id: str) -> Principal | None:
        """Return whom `access_key_id` stands for; None when this account never issued it, or it has expired."""
        principal, credentials = self._principals.get(access_key_id, (None, None))
        return None if credentials is None or self.has_expired(credentials) else principal

    def find(self, access_key_id: str) -> tuple[Principal, Credentials] | None:
        """Return whom `access_key_id` stands for and its secret, also after it has expired; None if never issued."""
        return self._principals.get(access_key_id)

    def has_expired(self, credentials: Credentials) -> bool:
        """Return whether `credentials` are past their time."""
        return credentials.expires_at is not None and credentials.expires_at < self._clock.time()

    def _issue(self, principal: Principal, prefix: str, duration_seconds: float | None) -> Credentials:
        key_id = prefix + "".join(secrets.choice(_ALPHABET) for _ in range(16))
        token = secrets.token_urlsafe(48) if prefix == "ASIA" else None
        expires_at = self._clock.time() + duration_seconds if duration_seconds is not None else None
        credentials = Credentials(key_id, secrets.token_urlsafe(30), token, expires_at)
        with self._lock:
            self._principals[key_id] = (principal, credentials)
        return credentials
