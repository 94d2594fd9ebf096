"""EventBridge Scheduler: moto keeps the schedules; they really fire, on the account's clock."""

from typing import Any

from embedded_account.account import Account
from embedded_account.errors import ServiceError
from embedded_account.events.delivery import Deliveries, check_supported
from embedded_account.operations import carry_out
from embedded_account.scheduler.expressions import ScheduleExpressionError, parse
from embedded_account.scheduler.ticker import Ticker

_OPERATIONS = {
    "CreateSchedule",
    "GetSchedule",
    "UpdateSchedule",
    "DeleteSchedule",
    "ListSchedules",
    "CreateScheduleGroup",
    "GetScheduleGroup",
    "DeleteScheduleGroup",
    "ListScheduleGroups",
    "TagResource",
    "UntagResource",
    "ListTagsForResource",
}


def install(account: Account) -> None:
    """Fire schedules and scheduled rules; refuse expressions and targets that would never fire."""
    carry_out("scheduler", _OPERATIONS)
    account.add_action_check(_check_schedule)
    account.every("scheduler", 1.0, Ticker(account, account.shared(Deliveries)).tick)


def _check_schedule(service: str, operation: str, response: Any) -> None:
    """Refuse what AWS refuses when the schedule is put."""
    if (service, operation) in (("scheduler", "CreateSchedule"), ("scheduler", "UpdateSchedule")):
        _check_expression(response._get_param("ScheduleExpression"), response._get_param("ScheduleExpressionTimezone"))
        check_supported((response._get_param("Target") or {}).get("Arn", ""))
    if (service, operation) == ("events", "PutRule") and response._get_param("ScheduleExpression"):
        _check_expression(response._get_param("ScheduleExpression"), None)


def _check_expression(expression: str, timezone: str | None) -> None:
    try:
        parse(expression, timezone or "UTC")
    except ScheduleExpressionError as error:
        raise ServiceError("ValidationException", f"Invalid Schedule Expression {expression}. {error}") from error
