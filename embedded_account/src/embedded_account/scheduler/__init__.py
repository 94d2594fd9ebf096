"""EventBridge Scheduler: moto keeps the schedules; they really fire, on the account's clock."""

from typing import Any

from moto.scheduler.models import Schedule

from embedded_account.account import Account
from embedded_account.errors import ServiceError
from embedded_account.events.delivery import Deliveries, check_supported
from embedded_account.scheduler.expressions import ScheduleExpressionError, parse
from embedded_account.scheduler.ticker import Ticker
from embedded_account.wiring.replacement import replace
from embedded_account.wiring.serving import check, serve

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

    def check_schedule(params: dict[str, Any]) -> None:
        _check_schedule(params)
        _check_group(account, params.get("GroupName", "default"))

    checks = {"CreateSchedule": check_schedule, "UpdateSchedule": check_schedule}
    serve(account, "scheduler", {}, from_moto=_OPERATIONS, checks=checks)
    check(account, "events", {"PutRule": _check_rule})
    _say_what_happens_at_the_end()
    account.every("scheduler", 1.0, Ticker(account, account.singleton(Deliveries)).tick)


def _say_what_happens_at_the_end() -> None:
    """A schedule that is not deleted after its last time says NONE. Source: Scheduler API reference, GetSchedule."""

    def to_dict(self: Any, short: bool = False) -> dict[str, Any]:
        told: dict[str, Any] = original(self, short)
        return told if short else told | {"ActionAfterCompletion": self.action_after_completion or "NONE"}

    original = replace(Schedule, "to_dict", to_dict, parameters=("self", "short"))


def _check_schedule(params: dict[str, Any]) -> None:
    """Refuse what AWS refuses when the schedule is put."""
    _check_expression(params["ScheduleExpression"], params.get("ScheduleExpressionTimezone", "UTC"))
    check_supported(params["Target"]["Arn"])


def _check_group(account: Account, name: str) -> None:
    """Refuse a group that is not there. Source: Scheduler API reference, CreateSchedule: ResourceNotFoundException."""
    from moto.scheduler.models import scheduler_backends

    if name not in scheduler_backends[account.account_id][account.region].schedule_groups:
        raise ServiceError("ResourceNotFoundException", f"Schedule group {name} does not exist.")


def _check_rule(params: dict[str, Any]) -> None:
    if params.get("ScheduleExpression"):
        _check_expression(params["ScheduleExpression"], "UTC")


def _check_expression(expression: str, timezone: str) -> None:
    try:
        parse(expression, timezone)
    except ScheduleExpressionError as error:
        raise ServiceError("ValidationException", f"Invalid Schedule Expression {expression}. {error}") from error
