"""EventBridge: hands matched events to our own delivery instead of moto's."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from moto.events.models import EventPattern, EventPatternParser, Rule

from embedded_account.account import Account
from embedded_account.events.delivery import Deliveries, Target
from embedded_account.events.inputs import target_input
from embedded_account.events.pattern_rules import parsed
from embedded_account.events.patterns import matches
from embedded_account.unique_ids import new_uuid
from embedded_account.wiring.replacement import replace


def install(deliveries: Deliveries) -> None:
    """Make every enabled rule that matches deliver through `deliveries`."""

    def send_to_targets(self: Any, original_event: dict[str, Any], transform_input: bool = True) -> None:
        if self.state != "ENABLED" or not self.event_pattern.get_pattern():
            return
        event = _as_delivered(original_event)
        if not self.event_pattern.matches_event(event):
            return
        for target in self.targets:
            deliveries.submit_event(event, Target.from_request(target, self.arn), target_input(target, event, self.arn))

    def parse(self: Any) -> dict[str, Any]:
        return parsed(self.pattern) if self.pattern else {}

    def matches_event(self: Any, event: dict[str, Any]) -> bool:
        return matches(self.get_pattern(), event)

    replace(Rule, "send_to_targets", send_to_targets, parameters=("self", "original_event", "transform_input"))
    replace(EventPatternParser, "parse", parse, parameters=("self",))
    replace(EventPattern, "matches_event", matches_event, parameters=("self", "event"))


def publish(account: Account, event: dict[str, Any]) -> None:
    """Offer an event that a service made itself to every rule of the default bus."""
    from moto.events.models import events_backends

    backend: Any = events_backends[account.account_id][account.region]
    delivered = _as_delivered(event)
    for rule in list(backend.event_buses["default"].rules.values()):
        if _may_match(rule.event_pattern.get_pattern(), delivered):
            rule.send_to_targets(delivered)


def _may_match(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Return False for a rule that asks for another source or kind of event, as most do: matching costs a copy."""
    for name in ("source", "detail-type"):
        wanted = pattern.get(name)
        if isinstance(wanted, list) and event[name] not in wanted and all(isinstance(one, str) for one in wanted):
            return False
    return True


def _as_delivered(event: dict[str, Any]) -> dict[str, Any]:
    """Return `event` in EventBridge's own form: an id, and its time as text to the second."""
    if "id" in event and isinstance(event.get("time"), str) and "ingestion-time" not in event:
        return event
    delivered = {name: value for name, value in event.items() if name != "ingestion-time"}
    time = delivered.get("time")
    if isinstance(time, int | float):
        time = datetime.fromtimestamp(time, UTC)
    if isinstance(time, datetime):  # of an entry that gives it, in UTC
        delivered["time"] = time.strftime("%Y-%m-%dT%H:%M:%SZ")
    delivered.setdefault("id", new_uuid())
    return delivered
