"""Fires what is due: EventBridge Scheduler's schedules and EventBridge's scheduled rules."""

import json
import logging
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from embedded_account.account import Account
from embedded_account.events.delivery import Deliveries, Target
from embedded_account.events.inputs import target_input
from embedded_account.scheduler.expressions import ScheduleExpressionError, parse

logger = logging.getLogger("embedded_account.scheduler")


@dataclass(frozen=True)
class _Due:
    """One schedule or scheduled rule. `key` changes with its expression, so an edited one starts anew."""

    key: tuple[str, str]
    expression: str
    timezone: str
    start: datetime
    end: datetime | None
    source: Any


class Ticker:
    """Looks each second of the account's clock for what has become due since it looked last."""

    def __init__(self, account: Account, deliveries: Deliveries) -> None:
        self._account = account
        self._deliveries = deliveries
        self._looked_at = account.clock.now()
        self._first_seen: dict[tuple[str, str], datetime] = {}

    def tick(self) -> None:
        """Fire all that became due since the last call; each once, also when several periods have passed."""
        now, since = self._account.clock.now(), self._looked_at
        self._looked_at = now
        for due in list(self._schedules(now)) + list(self._rules(now)):
            try:
                moment = parse(due.expression, due.timezone, due.start).next_after(since)
            except ScheduleExpressionError:
                logger.exception("a schedule was passed over")
                continue
            if moment is not None and moment <= now and (due.end is None or moment <= due.end):
                self._fire(due, moment)

    def _fire(self, due: _Due, moment: datetime) -> None:
        time = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
        if hasattr(due.source, "target"):
            self._fire_schedule(due.source, due, time)
        else:
            self._fire_rule(due.source, time)

    def _fire_schedule(self, schedule: Any, due: _Due, time: str) -> None:
        payload = schedule.target.get("Input") or "{}"
        attributes = {
            "<aws.scheduler.schedule-arn>": schedule.arn,
            "<aws.scheduler.scheduled-time>": time,
            "<aws.scheduler.execution-id>": str(uuid.uuid4()),
            "<aws.scheduler.attempt-number>": "1",
        }
        for name, value in attributes.items():
            payload = payload.replace(name, value)
        self._deliveries.submit(Target.from_request(schedule.target, schedule.arn), payload)
        if schedule.action_after_completion == "DELETE" and due.expression.startswith("at("):
            self._account.client("scheduler").delete_schedule(Name=schedule.name, GroupName=schedule.group_name)

    def _fire_rule(self, rule: Any, time: str) -> None:
        event = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": self._account.account_id,
            "time": time,
            "region": self._account.region,
            "resources": [rule.arn],
            "detail": {},
        }
        for target in rule.targets:
            self._deliveries.submit(Target.from_request(target, rule.arn), target_input(target, event, rule.arn))

    def _schedules(self, now: datetime) -> Iterator[_Due]:
        from moto.scheduler.models import scheduler_backends

        backend = scheduler_backends[self._account.account_id][self._account.region]
        for group in list(backend.schedule_groups.values()):
            for schedule in list(group.schedules.values()):
                if schedule.state == "ENABLED":
                    key = (schedule.arn, schedule.schedule_expression)
                    start = _moment(schedule.start_date) or self._first_seen.setdefault(key, now)
                    zone = schedule.schedule_expression_timezone
                    yield _Due(key, schedule.schedule_expression, zone, start, _moment(schedule.end_date), schedule)

    def _rules(self, now: datetime) -> Iterator[_Due]:
        from moto.events.models import events_backends

        backend = events_backends[self._account.account_id][self._account.region]
        for rule in list(backend.event_buses["default"].rules.values()):
            if rule.scheduled_expression and rule.state == "ENABLED":
                key = (rule.arn, rule.scheduled_expression)
                start = self._first_seen.setdefault(key, now)
                yield _Due(key, rule.scheduled_expression, "UTC", start, None, rule)


def _moment(value: Any) -> datetime | None:
    if value is None or value == "":
        return None
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, str) and not value.replace(".", "").isdigit():
        return datetime.fromisoformat(json.loads(f'"{value}"'))
    return datetime.fromtimestamp(float(value), UTC)
