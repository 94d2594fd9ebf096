"""CloudWatch Logs: the events of a group are gone once its retention is over.

Source: CloudWatch Logs API reference, PutRetentionPolicy: AWS takes up to three days more.
"""

from typing import Any

from embedded_account.account import Account

_DAY_MS = 86_400_000
_PERIOD_SECONDS = 3600.0


def install(account: Account) -> None:
    """Look each hour of the account's clock for what is over."""
    account.every("log-retention", _PERIOD_SECONDS, lambda: forget(account))


def forget(account: Account) -> None:
    """Remove the events that came longer ago than their group keeps them."""
    from moto.logs.models import logs_backends

    now_ms = account.clock.time() * 1000
    for group in list(logs_backends[account.account_id][account.region].groups.values()):
        if group.retention_in_days:
            oldest_ms = now_ms - int(group.retention_in_days) * _DAY_MS
            for stream in list(group.streams.values()):
                _forget(stream, oldest_ms)


def _forget(stream: Any, oldest_ms: float) -> None:
    """Remove what came to a stream before a time: what comes stands behind what was there."""
    events = list(stream.events)
    num_over = next((i for i, event in enumerate(events) if event.ingestion_time >= oldest_ms), len(events))
    stream.stored_bytes -= sum(len(event.message) for event in events[:num_over])
    del stream.events[:num_over]  # others may add at the end meanwhile
