"""The running embedded account: what its services share."""

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from math import isfinite
from pathlib import Path
from threading import Event, Lock, RLock, Thread
from typing import Any, TypeVar

from botocore.config import Config

from embedded_account.clock import Clock
from embedded_account.data_files import new_session
from embedded_account.identity import ACCOUNT_ID, Credentials, Principal, Sessions
from embedded_account.journal import Journal
from embedded_account.metrics import MetricStore, series_key
from embedded_account.processes import ProcessTable

logger = logging.getLogger("embedded_account")

WsgiApplication = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
Middleware = Callable[[WsgiApplication], WsgiApplication]
ActionCheck = Callable[[str, str, Any], None]
AssumeCheck = Callable[[str, str, str], None]
AccessCheck = Callable[[Principal, str, str, Mapping[str, str]], None]  # caller, action, resource, condition keys
AlarmAction = Callable[[str, dict[str, Any]], None]
DeliveryFilter = Callable[[dict[str, Any], str, Callable[[], None]], None]  # event, target's ARN; calls the last or not

_Kind = TypeVar("_Kind")

_CLIENT_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 2}, max_pool_connections=64, connect_timeout=5, read_timeout=900
)


class Account:
    """One embedded account: its folder, clock, identities, processes, and the edges between its services.

    Each service folder has `install(account)`, called once before the first request. A service adds what it needs to
    the account there: middleware, threads, what to do at the end.
    """

    def __init__(
        self, folder: Path, url: str, region: str, clock: Clock, kind: str = "settled", delays: str = ""
    ) -> None:
        self.folder = folder
        self.url = url
        self.region = region
        self.account_id = ACCOUNT_ID
        self.clock = clock
        self.sessions = Sessions(clock)
        self.journal = Journal(folder / "journal.jsonl")
        self.processes = ProcessTable(folder / "processes.jsonl")
        self.stopping = Event()
        self.middleware: list[Middleware] = []
        self.action_checks: list[ActionCheck] = []
        self.assume_checks: list[AssumeCheck] = []
        self.access_checks: list[AccessCheck] = []
        self.delivery_filters: list[DeliveryFilter] = []
        self.metrics = MetricStore()
        self.alarm_actions: dict[str, AlarmAction] = {}  # by the service in the action's ARN; takes the ARN, the alarm
        self._on_stop: list[Callable[[], None]] = []
        self._clients: dict[tuple[str, ...], tuple[float | None, Any]] = {}
        self._session = new_session(region)
        self._singletons: dict[Any, Any] = {}
        self.persisted: list[tuple[str, Callable[[], Any], Callable[[Any], None]]] = []
        self.records_permissions = False
        self.kind = kind
        self.delays = delays  # which of AWS's it has from the start
        self.state_folder: Path | None = None  # where what is persisted survives the account's end
        self.after_restore: list[Callable[[], None]] = []  # called once requests are answered again
        self._running: dict[str, Callable[[], Iterable[Any]]] = {}
        self._lock = Lock()
        self._making = RLock()

    # -- for services -------------------------------------------------------------------------------------------

    def work_folder(self, *parts: str) -> Path:
        """Return a folder of this account's own, made if it is missing."""
        path = self.folder.joinpath("work", *parts)
        path.mkdir(parents=True, exist_ok=True)
        return path

    def singleton(self, kind: "Callable[[Account], _Kind]") -> _Kind:
        """Return the account's one `kind(account)`, made at the first call: what several services have in common."""
        with self._making:
            if kind not in self._singletons:
                self._singletons[kind] = kind(self)
        return self._singletons[kind]  # type: ignore[no-any-return]

    def client(
        self,
        service: str,
        role_arn: str = "",
        session_name: str = "service",
        *,
        by: str = "",
        source_arn: str = "",
    ) -> Any:
        """Return a boto3 client of this account; cached.

        It acts as `role_arn`, which the service principal `by` (such as "lambda.amazonaws.com") assumes; without a
        role as the service `by` itself, on behalf of `source_arn`; without either as root.

        Raises:
            ServiceError: the role's trust policy does not let `by` assume it.
        """
        key = (service, role_arn, by, "" if role_arn else source_arn)
        with self._lock:
            expires_at, client = self._clients.get(key, (None, None))
            if client is None or (expires_at and expires_at - 300 < self.clock.time()):
                credentials = self._credentials(role_arn, session_name, by, source_arn)
                client = self._new_client(service, credentials)
                self._clients[key] = (credentials.expires_at, client)
        return client

    def require_access(self, caller: Principal, action: str, resource: str, context: Mapping[str, str]) -> None:
        """Return when `caller` may do what a service does for them past the HTTP layer.

        Raises:
            ServiceError: they may not.
        """
        for check in self.access_checks:
            check(caller, action, resource, context)

    def role_credentials(self, role_arn: str, session_name: str, *, by: str, source_arn: str = "") -> Credentials:
        """Return credentials of a session of `role_arn`, as the service principal `by` gets them.

        Raises:
            ServiceError: the role's trust policy does not let `by` assume it.
        """
        for check in self.assume_checks:
            check(role_arn, by, source_arn)
        return self.sessions.assume(role_arn, session_name)

    def child_environment(self, credentials: Credentials) -> dict[str, str]:
        """Return the variables that point a child process's AWS clients at this account."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            **credentials.environment(),
        }

    def put_event(
        self, source: str, detail_type: str, detail: Mapping[str, Any], resources: Iterable[str] = ()
    ) -> None:
        """Put a service's own event on the default event bus; delivery happens on other threads."""
        from moto.events.models import events_backends

        entry = {
            "Source": source,
            "DetailType": detail_type,
            "Detail": json.dumps(detail, default=str),
            "Resources": list(resources),
            "Time": self.clock.time(),
        }
        events_backends[self.account_id][self.region].put_events([entry])

    def write_log(self, group: str, stream: str, messages: Iterable[str], timestamp_ms: int | None = None) -> None:
        """Append `messages` to a CloudWatch Logs stream; the group and the stream are made when they are missing."""
        from moto.logs.models import logs_backends

        backend = logs_backends[self.account_id][self.region]
        at = timestamp_ms if timestamp_ms is not None else int(self.clock.time() * 1000)
        events = [{"timestamp": at, "message": message} for message in messages]
        if not events:
            return
        with self._lock:
            if group not in backend.groups:
                backend.create_log_group(group, tags={})
            if stream not in backend.groups[group].streams:
                backend.create_log_stream(group, stream)
            backend.put_log_events(group, stream, events)

    def put_metric(
        self, namespace: str, name: str, value: float, unit: str, dimensions: Mapping[str, str], *, count: int = 1
    ) -> None:
        """Record `count` samples of `value` of a service's own CloudWatch metric, now.

        A value that is not finite is left out: CloudWatch takes none.
        """
        if isfinite(value):
            self.metrics.put(series_key(namespace, name, dimensions), unit, self.clock.time(), value, count)

    def expose_running(self, kind: str, running: Callable[[], Iterable[Any]]) -> None:
        """Let `running()` say what of `kind` runs now, for a part of the account that does not import its service."""
        self._running[kind] = running

    def running(self, kind: str) -> list[Any]:
        """Return what of `kind` runs now, as its service exposes it; nothing when no service does."""
        return list(self._running[kind]()) if kind in self._running else []

    def persist(self, name: str, read: Callable[[], Any], write: Callable[[Any], None]) -> None:
        """Let what `read()` returns survive the account's end in its state folder, if it has one.

        `write` takes it back before the first request.
        """
        self.persisted.append((name, read, write))

    def persist_members(self, name: str, owner: object, *members: str) -> None:
        """Let these attributes of `owner` survive the account's end."""
        self.persist(name, lambda: {each: vars(owner)[each] for each in members}, vars(owner).update)

    def add_middleware(self, middleware: Middleware) -> None:
        """Wrap the WSGI application; the one added last sees a request first."""
        self.middleware.append(middleware)

    def add_action_check(self, check: ActionCheck) -> None:
        """Call `check(service, operation, response)` before each operation; it refuses by raising ServiceError."""
        self.action_checks.append(check)

    def start_thread(self, name: str, target: Callable[[], None]) -> Thread:
        """Run `target` on a daemon thread; an exception that ends it is logged, never silent."""

        def run() -> None:
            try:
                target()
            except Exception:
                logger.exception("thread %r of the embedded account ended", name)

        thread = Thread(target=run, name=name, daemon=True)
        thread.start()
        return thread

    def every(self, name: str, seconds: float, action: Callable[[], None]) -> Thread:
        """Call `action` each `seconds` of the account's clock until the account stops; its errors are logged."""

        def loop() -> None:
            while not self.clock.wait(self.stopping, seconds):
                try:
                    action()
                except Exception:
                    logger.exception("%s failed; it is tried again in %s s", name, seconds)

        return self.start_thread(name, loop)

    def call_later(self, name: str, seconds: float, action: Callable[[], None]) -> Thread:
        """Call `action` once, after `seconds` of the account's clock, unless the account stops before."""

        def wait() -> None:
            if not self.clock.wait(self.stopping, seconds):
                action()

        return self.start_thread(name, wait)

    def on_stop(self, callback: Callable[[], None]) -> None:
        """Call `callback` when the account stops, the last registered first."""
        self._on_stop.append(callback)

    # -- for the server -----------------------------------------------------------------------------------------

    def stop(self) -> None:
        """End every service, thread and child process."""
        self.stopping.set()
        for callback in reversed(self._on_stop):
            try:
                callback()
            except Exception:
                logger.exception("a service did not stop cleanly")
        self.processes.end_all()
        with suppress(OSError):
            self.journal.clear()

    def _credentials(self, role_arn: str, session_name: str, by: str, source_arn: str) -> Credentials:
        if role_arn:
            return self.role_credentials(role_arn, session_name, by=by, source_arn=source_arn)
        return self.sessions.of_service(by, source_arn) if by else self.sessions.root

    def _new_client(self, service: str, credentials: Credentials) -> Any:
        """Make a client; the caller holds the lock, since the session all clients come from is not thread-safe."""
        client: Callable[..., Any] = self._session.client
        return client(
            service,
            endpoint_url=self.url,
            config=_CLIENT_CONFIG,
            aws_access_key_id=credentials.access_key_id,
            aws_secret_access_key=credentials.secret_access_key,
            aws_session_token=credentials.session_token,
        )
