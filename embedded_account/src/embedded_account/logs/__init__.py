"""CloudWatch Logs: moto's, on the account's clock, with what it gets wrong put right."""

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

from embedded_account.account import Account
from embedded_account.logs.emf import record_metrics

_MAX_EVENT_BYTES = 1_048_576  # Source: CloudWatch Logs quotas, event size
_create_lock = Lock()


@dataclass(frozen=True)
class LogLine:
    """One event of a log stream."""

    timestamp_ms: int
    message: str


def install(account: Account) -> None:
    """Correct moto's part, and let events end."""
    from embedded_account.logs import moto_streams, retention

    moto_streams.install(account)
    retention.install(account)


def has_group(account: Account, group: str) -> bool:
    """Return whether a log group exists."""
    from moto.logs.models import logs_backends

    return group in logs_backends[account.account_id][account.region].groups


def append(account: Account, group: str, stream: str, lines: Sequence[LogLine], *, make_group: bool = True) -> None:
    """Append `lines`, which are in order, to a log stream; the group and the stream are made when they are missing.

    Without `make_group` the lines are dropped when the group is missing.
    """
    from moto.logs.models import logs_backends

    backend = logs_backends[account.account_id][account.region]
    events = [{"timestamp": line.timestamp_ms, "message": line.message[:_MAX_EVENT_BYTES]} for line in lines]
    if group not in backend.groups or stream not in backend.groups[group].streams:
        with _create_lock:
            if group not in backend.groups:
                if not make_group:
                    return
                backend.create_log_group(group, tags={})
            if stream not in backend.groups[group].streams:
                backend.create_log_stream(group, stream)
    backend.put_log_events(group, stream, events)
    for line in lines:
        record_metrics(account, line.message)
