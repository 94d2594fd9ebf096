"""EventBridge: moto keeps buses and rules and matches patterns; delivery to targets is real."""

import json
from typing import Any

from embedded_account.account import Account
from embedded_account.errors import ServiceError
from embedded_account.events import limits, moto_rules
from embedded_account.events.delivery import Deliveries, check_supported
from embedded_account.events.pattern_rules import parsed
from embedded_account.events.patterns import matches
from embedded_account.wiring.serving import serve

_MANDATORY = {"id", "account", "source", "time", "region", "resources", "detail-type"}
_OPERATIONS = {
    "PutRule",
    "DeleteRule",
    "DescribeRule",
    "ListRules",
    "EnableRule",
    "DisableRule",
    "PutTargets",
    "RemoveTargets",
    "ListTargetsByRule",
    "ListRuleNamesByTarget",
    "PutEvents",
    "DescribeEventBus",
    "ListEventBuses",
    "TagResource",
    "UntagResource",
    "ListTagsForResource",
}


def install(account: Account) -> None:
    """Deliver the events of rules to Lambda, Step Functions, SQS, SNS and Logs targets."""
    limits.install()

    def check_targets(params: dict[str, Any]) -> None:
        _check_targets(params)
        limits.check_inputs(params)
        limits.check_number_of_targets(account, params)

    checks = {"PutTargets": check_targets, "PutEvents": limits.check_entries}
    serve(account, "events", {"TestEventPattern": _test_event_pattern}, from_moto=_OPERATIONS, checks=checks)
    moto_rules.install(account.singleton(Deliveries))


def _check_targets(params: dict[str, Any]) -> None:
    for target in params["Targets"]:
        check_supported(target["Arn"])


def _test_event_pattern(params: dict[str, Any]) -> dict[str, Any]:
    """Answer TestEventPattern. Source: EventBridge API reference, TestEventPattern: fields that are mandatory."""
    pattern = parsed(params["EventPattern"])
    try:
        event = json.loads(params["Event"])
    except ValueError:
        event = None
    if not isinstance(event, dict) or not event.keys() >= _MANDATORY:
        raise ServiceError("ValidationException", "Parameter Event is not valid.")
    return {"Result": matches(pattern, event)}
