"""Scheduled actions: the bounds of a target change at a time, once or again and again.

Source: Application Auto Scaling user guide, "Scheduled scaling".
"""

import logging
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from threading import RLock
from typing import Any

from embedded_account.account import Account
from embedded_account.errors import ServiceError
from embedded_account.scheduler.expressions import ScheduleExpressionError, parse
from embedded_account.wiring.refusals import refuse

logger = logging.getLogger("embedded_account")

_LOOK_SECONDS = 1.0
_KEY = ("ServiceNamespace", "ResourceId", "ScalableDimension")
_MEMBERS = {*_KEY, "ScheduledActionName", "Schedule", "Timezone", "StartTime", "EndTime", "ScalableTargetAction"}
SetBounds = Callable[[str, dict[str, int], str], None]


class ScheduledActions:
    """Keeps scheduled actions and carries out those that are due; `set_bounds` changes a target's capacity."""

    def __init__(self, account: Account, set_bounds: SetBounds) -> None:
        self._account = account
        self._set_bounds = set_bounds
        self._lock = RLock()
        self._actions: dict[tuple[str, str], dict[str, Any]] = {}
        self._looked_at = account.clock.now()
        account.persist_members("scheduled-actions", self, "_actions")
        account.every("scheduled actions", _LOOK_SECONDS, self.look)

    def put(self, params: dict[str, Any]) -> dict[str, Any]:
        """PutScheduledAction: made, or changed in the members that are given."""
        refuse("PutScheduledAction", params, _MEMBERS)
        key = (params["ResourceId"], params["ScheduledActionName"])
        with self._lock:
            known = self._actions.get(key, {})
            action = {"Timezone": "UTC"} | known | params
            _check(action)
            action.setdefault("CreationTime", self._account.clock.now())
            action.setdefault("ScheduledActionARN", self._arn(params))
            self._actions[key] = action
        return {}

    def describe(self, params: dict[str, Any]) -> dict[str, Any]:
        """Answer with the scheduled actions of a resource, or of all."""
        names, resource_id = params.get("ScheduledActionNames"), params.get("ResourceId")
        with self._lock:
            actions = [
                dict(action)
                for (of, name), action in sorted(self._actions.items())
                if (not names or name in names) and resource_id in {None, of}
            ]
        return {"ScheduledActions": actions}

    def delete(self, params: dict[str, Any]) -> dict[str, Any]:
        """Delete a scheduled action; what it changed stays."""
        key = (params["ResourceId"], params["ScheduledActionName"])
        with self._lock:
            if self._actions.pop(key, None) is None:
                raise ServiceError(
                    "ObjectNotFoundException",
                    f"No scheduled action found for resource ID: {key[0]}, scheduled action name: {key[1]}",
                )
        return {}

    def forget(self, resource_id: str) -> None:
        """Remove the actions of a target that is gone."""
        with self._lock:
            self._actions = {key: action for key, action in self._actions.items() if key[0] != resource_id}

    def look(self) -> None:
        """Carry out what has become due since the last look."""
        since, self._looked_at = self._looked_at, self._account.clock.now()
        with self._lock:
            due = [action for action in self._actions.values() if _is_due(action, since, self._looked_at)]
        for action in due:
            cause = f"scheduled action name {action['ScheduledActionName']} was triggered"
            bounds = {key: value for key, value in action["ScalableTargetAction"].items() if value is not None}
            self._account.start_thread(
                "scheduled action", partial(self._set_bounds, action["ResourceId"], bounds, cause)
            )

    def _arn(self, params: dict[str, Any]) -> str:
        return (
            f"arn:aws:autoscaling:{self._account.region}:{self._account.account_id}:scheduledAction:{uuid.uuid4()}:"
            f"resource/{params['ServiceNamespace']}/{params['ResourceId']}:scheduledActionName/{params['ScheduledActionName']}"
        )


def _check(action: dict[str, Any]) -> None:
    bounds = action.get("ScalableTargetAction") or {}
    if "Schedule" not in action or not bounds:
        raise ServiceError("ValidationException", "a scheduled action needs a Schedule and a ScalableTargetAction")
    if bounds.get("MinCapacity", 0) > bounds.get("MaxCapacity", bounds.get("MinCapacity", 0)):
        raise ServiceError("ValidationException", f"ScalableTargetAction: {bounds}; the minimum is above the maximum")
    try:
        parse(action["Schedule"], action["Timezone"], datetime.now(UTC))
    except ScheduleExpressionError as error:
        raise ServiceError("ValidationException", str(error)) from error


def _is_due(action: dict[str, Any], since: datetime, now: datetime) -> bool:
    start, end = _utc(action.get("StartTime")), _utc(action.get("EndTime"))
    schedule = parse(action["Schedule"], action["Timezone"], start or action["CreationTime"])
    moment = schedule.next_after(since)
    return moment is not None and moment <= now and (not start or moment >= start) and (not end or moment <= end)


def _utc(moment: datetime | None) -> datetime | None:
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)
