"""Metric alarms: kept, evaluated on the account's clock, and acted on."""

import json
import logging
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from threading import RLock
from typing import Any

from embedded_account.account import Account
from embedded_account.cloudwatch import bands, statistics
from embedded_account.cloudwatch.evaluation import (
    ALARM,
    COMPARISONS,
    INSUFFICIENT_DATA,
    OK,
    computed,
    evaluate,
    period_of,
)
from embedded_account.cloudwatch.series import checked_period, series_of
from embedded_account.errors import ServiceError
from embedded_account.metrics import MetricStore, series_key
from embedded_account.wiring.refusals import not_carried_out, refuse

logger = logging.getLogger("embedded_account")

_SUPPORTED: dict[str, tuple[str, ...]] = {
    "AlarmName": (),
    "AlarmDescription": (),
    "ActionsEnabled": (),
    "OKActions": (),
    "AlarmActions": (),
    "InsufficientDataActions": (),
    "MetricName": (),
    "Namespace": (),
    "Statistic": (),
    "ExtendedStatistic": (),
    "Dimensions": (),
    "Period": (),
    "Unit": (),
    "EvaluationPeriods": (),
    "DatapointsToAlarm": (),
    "Threshold": (),
    "ThresholdMetricId": (),
    "ComparisonOperator": (*COMPARISONS, *bands.COMPARISONS),
    "TreatMissingData": (),
    "EvaluateLowSampleCountPercentile": (),
    "Tags": (),
    "Metrics": (),
}
_OF_ONE_METRIC = ("MetricName", "Namespace", "Period")
_NEEDED = ("EvaluationPeriods", "ComparisonOperator")
_OF_THRESHOLD = ("EvaluationPeriods", "Threshold", "ThresholdMetricId", "ComparisonOperator")
_NOT_WITH_METRICS = (*_OF_ONE_METRIC, "Statistic", "ExtendedStatistic", "Dimensions", "Unit")
_MAX_QUERIES = 20
_QUERY_MEMBERS = {"Id", "MetricStat", "Expression", "Label", "ReturnData", "Period"}
_ACTIONS_OF = {ALARM: "AlarmActions", OK: "OKActions", INSUFFICIENT_DATA: "InsufficientDataActions"}
_EVALUATION_SECONDS = 10.0
_MAX_HISTORY = 100
_MAX_RECORDS = 50


@dataclass
class Alarm:
    """An alarm: `settings` are PutMetricAlarm's parameters."""

    settings: dict[str, Any]
    arn: str
    changed_at: datetime
    state: str = INSUFFICIENT_DATA
    reason: str = "Unchecked: Initial alarm creation"
    reason_data: str = ""
    state_at: datetime | None = None
    transition_at: datetime | None = None
    evaluated_until: int = 0
    history: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=_MAX_HISTORY))

    @property
    def name(self) -> str:
        """Return the alarm's name."""
        return str(self.settings["AlarmName"])

    def describe(self) -> dict[str, Any]:
        """Return the alarm as DescribeAlarms lists it."""
        answer = {key: value for key, value in self.settings.items() if key != "Tags"}
        answer |= {
            "AlarmArn": self.arn,
            "AlarmConfigurationUpdatedTimestamp": self.changed_at,
            "StateValue": self.state,
            "StateReason": self.reason,
            "StateUpdatedTimestamp": self.state_at or self.changed_at,
            "StateTransitionedTimestamp": self.transition_at or self.changed_at,
        }
        return answer | ({"StateReasonData": self.reason_data} if self.reason_data else {})


class Alarms:
    """Keeps and evaluates the alarms of an account."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._lock = RLock()
        self._alarms: dict[str, Alarm] = {}
        account.persist_members("alarms", self, "_alarms")

    def put(self, params: dict[str, Any]) -> dict[str, Any]:
        """PutMetricAlarm: an alarm that exists keeps its state."""
        _check(params)
        name, now = params["AlarmName"], self._account.clock.now()
        settings = {"ActionsEnabled": True, "OKActions": [], "AlarmActions": [], "InsufficientDataActions": []}
        settings |= ({} if "Metrics" in params else {"Dimensions": []}) | params
        with self._lock:
            known = self._alarms.get(name)
            if known:
                known.settings, known.changed_at, known.evaluated_until = settings, now, 0
            else:
                region, account_id = self._account.region, self._account.account_id
                arn = f"arn:aws:cloudwatch:{region}:{account_id}:alarm:{name}"
                self._alarms[name] = Alarm(settings, arn, now)
        return {}

    def describe(self, params: dict[str, Any]) -> dict[str, Any]:
        """Return the alarms that the request names or filters, a page at a time."""
        names, prefix = params.get("AlarmNames"), params.get("AlarmNamePrefix", "")
        action_prefix = params.get("ActionPrefix", "")
        with self._lock:
            alarms = [
                alarm.describe()
                for alarm in sorted(self._alarms.values(), key=lambda alarm: alarm.name)
                if (not names or alarm.name in names)
                and alarm.name.startswith(prefix)
                and alarm.state == params.get("StateValue", alarm.state)
                and (not action_prefix or any(a.startswith(action_prefix) for a in alarm.settings["AlarmActions"]))
            ]
        start = int(params.get("NextToken") or 0)
        end = start + params.get("MaxRecords", _MAX_RECORDS if not names else len(names))
        answer = {"MetricAlarms": alarms[start:end], "CompositeAlarms": []}
        return answer | ({"NextToken": str(end)} if end < len(alarms) else {})

    def describe_for_metric(self, params: dict[str, Any]) -> dict[str, Any]:
        """Return the alarms on one metric."""
        dimensions = _pairs(params.get("Dimensions", []))
        with self._lock:
            return {
                "MetricAlarms": [
                    alarm.describe()
                    for alarm in self._alarms.values()
                    if alarm.settings.get("Namespace") == params["Namespace"]  # one on metric maths has none
                    and alarm.settings["MetricName"] == params["MetricName"]
                    and _pairs(alarm.settings["Dimensions"]) == dimensions
                ]
            }

    def describe_history(self, params: dict[str, Any]) -> dict[str, Any]:
        """DescribeAlarmHistory: the latest changes of state, newest first."""
        wanted = params.get("AlarmName")
        with self._lock:
            items = [item for alarm in self._alarms.values() if wanted in {None, alarm.name} for item in alarm.history]
        items.sort(key=lambda item: item["Timestamp"], reverse=params.get("ScanBy") != "TimestampAscending")
        return {"AlarmHistoryItems": items[: params.get("MaxRecords", _MAX_HISTORY)]}

    def delete(self, params: dict[str, Any]) -> dict[str, Any]:
        """DeleteAlarms: all of those named, or none when one of several is unknown; one alone may be."""
        with self._lock:
            unknown = sorted(set(params["AlarmNames"]) - set(self._alarms))
            if unknown and len(params["AlarmNames"]) > 1:
                raise ServiceError("ResourceNotFound", f"Alarms not found: {', '.join(unknown)}")
            for name in params["AlarmNames"]:
                self._alarms.pop(name, None)
        return {}

    def set_state(self, params: dict[str, Any]) -> dict[str, Any]:
        """SetAlarmState: until the next evaluation; the actions of the new state run."""
        with self._lock:
            alarm = self._alarms.get(params["AlarmName"])
            if alarm is None:
                raise ServiceError("ResourceNotFound", f"Alarm {params['AlarmName']} does not exist")
        self._change(alarm, params["StateValue"], params["StateReason"], params.get("StateReasonData", ""))
        return {}

    def set_actions_enabled(self, params: dict[str, Any], *, enabled: bool) -> dict[str, Any]:
        """EnableAlarmActions and DisableAlarmActions."""
        with self._lock:
            for name in params["AlarmNames"]:
                if name in self._alarms:
                    self._alarms[name].settings["ActionsEnabled"] = enabled
        return {}

    def tags(self, arn: str) -> list[dict[str, str]]:
        """Return the tags of the alarm `arn`, to be changed in place."""
        with self._lock:
            for alarm in self._alarms.values():
                if alarm.arn == arn:
                    tags: list[dict[str, str]] = alarm.settings.setdefault("Tags", [])
                    return tags
        raise ServiceError("ResourceNotFoundException", f"Unknown alarm: {arn}")

    def evaluate_all(self) -> None:
        """Evaluate each alarm for which a period has ended since it was last looked at."""
        now = self._account.clock.time()
        with self._lock:
            alarms = list(self._alarms.values())
        for alarm in alarms:
            until = int(now) // period_of(alarm.settings)
            if until == alarm.evaluated_until:
                continue
            alarm.evaluated_until = until
            verdict = evaluate(alarm.settings, self._account.metrics, now, alarm.state)
            if verdict.state != alarm.state:
                data = json.dumps({"version": "1.0", "recentDatapoints": [value for _, value in verdict.datapoints]})
                self._change(alarm, verdict.state, verdict.reason, data)
            elif verdict.state == ALARM:
                self._act(alarm, again=True)

    def _change(self, alarm: Alarm, state: str, reason: str, reason_data: str) -> None:
        now = self._account.clock.now()
        with self._lock:
            before = {"value": alarm.state, "reason": alarm.reason, "timestamp": _iso(alarm.state_at or now)}
            is_new = alarm.state != state
            alarm.state, alarm.reason, alarm.reason_data, alarm.state_at = state, reason, reason_data, now
            if is_new:
                alarm.transition_at = now
                summary = f"Alarm updated from {before['value']} to {state}"
                alarm.history.append(
                    {
                        "AlarmName": alarm.name,
                        "AlarmType": "MetricAlarm",
                        "Timestamp": now,
                        "HistoryItemType": "StateUpdate",
                        "HistorySummary": summary,
                        "HistoryData": json.dumps({"oldState": before, "newState": {"stateValue": state}}),
                    }
                )
        if is_new:
            self._put_event(alarm, before)
            self._act(alarm, old_state=str(before["value"]))

    def _put_event(self, alarm: Alarm, before: dict[str, Any]) -> None:
        now = _iso(alarm.state_at or alarm.changed_at)
        detail = {
            "alarmName": alarm.name,
            "state": {"value": alarm.state, "reason": alarm.reason, "reasonData": alarm.reason_data, "timestamp": now},
            "previousState": before,
            "configuration": {"description": alarm.settings.get("AlarmDescription", ""), "metrics": []},
        }
        self._account.put_event("aws.cloudwatch", "CloudWatch Alarm State Change", detail, [alarm.arn])

    def _act(self, alarm: Alarm, *, old_state: str = ALARM, again: bool = False) -> None:
        """Run the actions of the alarm's state; `again`: only those that AWS repeats while the state lasts."""
        if not alarm.settings["ActionsEnabled"]:
            return
        for arn in alarm.settings[_ACTIONS_OF[alarm.state]]:
            service = arn.split(":")[2] if arn.count(":") >= 5 else arn
            if again and service != "autoscaling":
                continue
            action = self._account.alarm_actions.get(service)
            if action is None:
                logger.error("alarm %r: no action is carried out for %r", alarm.name, arn)
                continue
            description = alarm.describe() | {"OldStateValue": old_state}
            self._account.start_thread(f"action of {alarm.name}", lambda a=action, r=arn, d=description: a(r, d))  # type: ignore[misc]


def notify(account: Account, topic_arn: str, alarm: dict[str, Any]) -> None:
    """Publish the change of state to an SNS topic, in the words and the shape of CloudWatch's own message."""
    message = {
        "AlarmName": alarm["AlarmName"],
        "AlarmDescription": alarm.get("AlarmDescription"),
        "AWSAccountId": account.account_id,
        "NewStateValue": alarm["StateValue"],
        "NewStateReason": alarm["StateReason"],
        "StateChangeTime": alarm["StateUpdatedTimestamp"].strftime("%Y-%m-%dT%H:%M:%S.%f+0000"),
        "Region": account.region,
        "AlarmArn": alarm["AlarmArn"],
        "OldStateValue": alarm["OldStateValue"],
        "Trigger": {
            **{key: alarm[key] for key in _OF_THRESHOLD if key in alarm},
            "TreatMissingData": alarm.get("TreatMissingData", "missing"),
            **_trigger(alarm),
        },
    }
    subject = f'{alarm["StateValue"]}: "{alarm["AlarmName"]}" in {account.region}'[:100]
    client = account.client("sns", by="cloudwatch.amazonaws.com", source_arn=alarm["AlarmArn"])
    client.publish(TopicArn=topic_arn, Subject=subject, Message=json.dumps(message))


def _trigger(alarm: dict[str, Any]) -> dict[str, Any]:
    """Return what the message says of the metric, or of the metrics and the expression over them."""
    if "Metrics" not in alarm:
        return {
            **{key: alarm[key] for key in _OF_ONE_METRIC},
            "Statistic": alarm.get("Statistic", alarm.get("ExtendedStatistic")),
            "Dimensions": _named(alarm["Dimensions"]),
        }
    queries = [dict(query) for query in alarm["Metrics"]]
    for query in (query for query in queries if "MetricStat" in query):
        metric = query["MetricStat"]["Metric"]
        query["MetricStat"] = query["MetricStat"] | {
            "Metric": metric | {"Dimensions": _named(metric.get("Dimensions", []))}
        }
    return {"Metrics": queries}


def _named(dimensions: list[dict[str, str]]) -> list[dict[str, str]]:
    return [{"name": entry["Name"], "value": entry["Value"]} for entry in dimensions]


def install(account: Account) -> Alarms:
    """Evaluate alarms on the account's clock, with SNS as an action; return them."""
    alarms = Alarms(account)
    account.alarm_actions["sns"] = lambda arn, alarm: notify(account, arn, alarm)
    account.every("alarms", max(_EVALUATION_SECONDS, 0.05 * account.clock.speed), alarms.evaluate_all)
    return alarms


def _check(params: dict[str, Any]) -> None:
    refuse("PutMetricAlarm", params, _SUPPORTED)
    _check_needed(params, _NEEDED)
    _check_threshold(params)
    if "Metrics" in params:
        _check_metrics(params)
    else:
        _check_needed(params, _OF_ONE_METRIC)
        if not ("Statistic" in params) ^ ("ExtendedStatistic" in params):
            what = "exactly one of Statistic and ExtendedStatistic"
            raise ServiceError("ValidationError", f"alarm {params['AlarmName']!r} needs {what}")
        name = "Statistic" if "Statistic" in params else "ExtendedStatistic"
        statistics.check(params[name], name)
    low = params.get("EvaluateLowSampleCountPercentile", "evaluate")
    if low not in {"evaluate", "ignore"}:
        what = "EvaluateLowSampleCountPercentile are evaluate and ignore."
        raise ServiceError("ValidationError", f"Option {low} is not supported. Supported options for parameter {what}")
    if params.get("DatapointsToAlarm", 1) > params["EvaluationPeriods"]:
        raise ServiceError("ValidationError", "DatapointsToAlarm must be at most EvaluationPeriods")


def _check_threshold(params: dict[str, Any]) -> None:
    """Raise unless the alarm has a fixed threshold and its comparison, or a band and a band's comparison."""
    has_band = bands.band_query(params) is not None
    if has_band == ("Threshold" in params):
        raise ServiceError(
            "ValidationError", f"alarm {params['AlarmName']!r} needs exactly one of Threshold and ThresholdMetricId"
        )
    if has_band != (params["ComparisonOperator"] in bands.COMPARISONS):
        which = ", ".join(bands.COMPARISONS if has_band else COMPARISONS)
        what = f"ComparisonOperator {params['ComparisonOperator']}; with this threshold it is one of {which}"
        raise ServiceError("ValidationError", f"alarm {params['AlarmName']!r}: {what}")


def _check_needed(params: dict[str, Any], names: tuple[str, ...]) -> None:
    missing = [name for name in names if name not in params]
    if missing:
        raise ServiceError("ValidationError", f"alarm {params['AlarmName']!r} needs {', '.join(missing)}")


def _check_metrics(params: dict[str, Any]) -> None:
    """Raise unless the queries of an alarm on metric maths can be evaluated.

    Source: CloudWatch API reference, PutMetricAlarm, Metrics.
    """
    name, queries = params["AlarmName"], params["Metrics"]
    both = [member for member in _NOT_WITH_METRICS if params.get(member)]
    if both:
        raise ServiceError("ValidationError", f"alarm {name!r}: {both[0]} must not be given with Metrics")
    if not 0 < len(queries) <= _MAX_QUERIES:
        raise ServiceError("ValidationError", f"alarm {name!r}: {len(queries)} Metrics; 1 to {_MAX_QUERIES} are taken")
    band = bands.band_query(params)
    returned = {query["Id"] for query in queries if query.get("ReturnData", True)}
    if len(returned) != 1 and not (band and returned == {band.of, params["ThresholdMetricId"]}):
        which = "the metric and its band" if band else "exactly one element of Metrics"
        raise ServiceError("ValidationError", f"alarm {name!r}: {which} must have ReturnData true")
    stats = [query["MetricStat"] for query in queries if "MetricStat" in query]
    if len({checked_period(stat["Period"]) for stat in stats}) != 1:
        what = f"PutMetricAlarm.Metrics of alarm {name!r} with several Periods"
        raise not_carried_out(what, "let them share one Period")
    for query in queries:
        refuse("PutMetricAlarm.Metrics", query, _QUERY_MEMBERS)
    probe = MetricStore()  # with a sample of each metric, what cannot be evaluated is refused now
    for stat in stats:
        metric = stat["Metric"]
        key = series_key(metric["Namespace"], metric["MetricName"], metric.get("Dimensions", []))
        probe.put(key, stat.get("Unit", "None"), 0.0, 1.0)
    series_of(computed(params), probe, 0.0, 1.0)


def _pairs(dimensions: list[dict[str, str]]) -> set[tuple[str, str]]:
    return {(entry["Name"], entry["Value"]) for entry in dimensions}


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f+0000")
