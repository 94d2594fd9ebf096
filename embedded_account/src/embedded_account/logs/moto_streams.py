"""moto's CloudWatch Logs, corrected: the account's clock, merged streams, filter patterns and metric filters."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from embedded_account.account import Account
from embedded_account.errors import ServiceError
from embedded_account.logs import has_group
from embedded_account.logs.patterns import FilterPatternError, compile_pattern, select
from embedded_account.wiring.replacement import replace
from embedded_account.wiring.serving import check


def install(account: Account) -> None:
    """Apply the corrections."""
    from moto.logs import models
    from moto.logs.metric_filters import MetricFilters

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
        _compiled(filter_pattern or "")
        return original(
            self, log_group_name, log_stream_names, start_time, end_time, limit, next_token, filter_pattern, True
        )

    def put_log_events(self: Any, log_events: list[dict[str, Any]]) -> Any:
        answer = put_in_moto(self, log_events)
        _record_metrics(account, self.log_group, log_events)
        return answer

    def add_filter(
        self: Any, filter_name: str, filter_pattern: str, log_group_name: str, metric_transformations: Any
    ) -> None:
        self.delete_filter(filter_name, log_group_name)  # PutMetricFilter creates or updates
        added(self, filter_name, filter_pattern, log_group_name, metric_transformations)
        self.metric_filters[-1]["creationTime"] = int(account.clock.time() * 1000)

    check(account, "logs", {"PutMetricFilter": lambda params: _check_metric_filter(account, params)})
    assert hasattr(models, "EventMessageFilter"), "moto's EventMessageFilter moved; was moto upgraded?"
    setattr(models, "EventMessageFilter", _MessageFilter)  # noqa: B010 (mypy forbids to assign to a class)
    added = replace(
        MetricFilters,
        "add_filter",
        add_filter,
        parameters=("self", "filter_name", "filter_pattern", "log_group_name", "metric_transformations"),
    )
    put_in_moto = replace(models.LogStream, "put_log_events", put_log_events, parameters=("self", "log_events"))

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


class _MessageFilter:
    """Takes the place of moto's, which matches terms and one quoted phrase only."""

    def __init__(self, pattern: str) -> None:
        self.matches = _compiled(pattern or "")


def _compiled(pattern: str) -> Callable[[str], bool]:
    try:
        return compile_pattern(pattern)
    except FilterPatternError as error:
        raise ServiceError("InvalidParameterException", str(error)) from error


def _check_metric_filter(account: Account, params: dict[str, Any]) -> None:
    """Raise unless the log group exists and the pattern is understood."""
    if not has_group(account, params.get("logGroupName", "")):
        raise ServiceError("ResourceNotFoundException", "The specified log group does not exist.")
    _compiled(params.get("filterPattern", ""))


def _record_metrics(account: Account, log_group: Any, log_events: list[dict[str, Any]]) -> None:
    """Put the samples that the metric filters of a log group make of its new events."""
    from moto.logs.models import logs_backends

    backend: Any = logs_backends[account.account_id][account.region]
    for each in list(backend.filters.metric_filters):
        if each["logGroupName"] != log_group.name:
            continue
        matches = _compiled(each["filterPattern"] or "")
        for event in log_events:
            if matches(event["message"]):
                for transformation in each["metricTransformations"]:
                    _put(account, transformation, event["message"])


def _put(account: Account, transformation: dict[str, Any], message: str) -> None:
    metric_value = str(transformation["metricValue"])
    value = select(message, metric_value) if metric_value.startswith("$") else metric_value
    dimensions = {name: select(message, path) for name, path in (transformation.get("dimensions") or {}).items()}
    try:
        number = float(value)
    except (TypeError, ValueError):
        return  # the line has no number there, as CloudWatch Logs passes over it
    texts = {name: str(text) for name, text in dimensions.items() if text is not None}
    unit = transformation.get("unit") or "None"
    account.put_metric(transformation["metricNamespace"], transformation["metricName"], number, unit, texts)
