"""EventBridge: moto keeps buses and rules and matches patterns; delivery to targets is real."""

from typing import Any

from embedded_account.account import Account
from embedded_account.events import limits, moto_rules
from embedded_account.events.delivery import Deliveries, check_supported
from embedded_account.wiring.serving import serve

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
        limits.check_number_of_targets(account, params)

    checks = {"PutTargets": check_targets, "PutEvents": limits.check_entries}
    serve(account, "events", {}, from_moto=_OPERATIONS, checks=checks)
    moto_rules.install(account.singleton(Deliveries))


def _check_targets(params: dict[str, Any]) -> None:
    for target in params["Targets"]:
        check_supported(target["Arn"])
