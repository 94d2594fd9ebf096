"""moto's CloudWatch Logs, corrected: the account's clock, merged streams, and no pattern that is quietly ignored."""

from datetime import datetime
from typing import Any

from local.account import Account
from local.errors import ServiceError
from local.moto_patches import replace


def install(account: Account) -> None:
    """Apply the corrections."""
    from moto.logs import models

    def now() -> datetime:
        return account.clock.now().replace(tzinfo=None)

    def filter_log_events(
        self: Any,
        log_group_name: str,
        log_stream_names: list[str],
        start_time: int,
        end_time: int,
        limit: int | None,
        next_token: str | None,
        filter_pattern: str,
        _interleaved: bool,
    ) -> Any:
        _refuse_unsupported(filter_pattern)
        return original(
            self, log_group_name, log_stream_names, start_time, end_time, limit, next_token, filter_pattern, True
        )

    # Without this, events of an account on a fast clock are more than two hours ahead and are dropped.
    replace(models, "utcnow", now, parameters=())
    original = replace(
        models.LogGroup,
        "filter_log_events",
        filter_log_events,
        parameters=(
            "self",
            "log_group_name",
            "log_stream_names",
            "start_time",
            "end_time",
            "limit",
            "next_token",
            "filter_pattern",
            "interleaved",
        ),
    )


def _refuse_unsupported(pattern: str | None) -> None:
    """Refuse a pattern for which moto would return every event."""
    from moto.logs.utils import EventMessageFilter

    if pattern and type(EventMessageFilter(pattern).filter_type).__name__ == "UnsupportedFilterPattern":
        raise ServiceError(
            "InvalidParameterException",
            f"filterPattern: {pattern!r}; the embedded account matches terms and one quoted phrase only",
        )
