"""EventBridge: moto keeps buses and rules and matches patterns; delivery to targets is real."""

from typing import Any

from embedded_account.account import Account
from embedded_account.events.delivery import Deliveries, check_supported
from embedded_account.operations import carry_out

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
    from embedded_account.moto_patches import events as patches

    carry_out("events", _OPERATIONS)
    account.add_action_check(_check_targets)
    patches.install(account.shared(Deliveries))


def _check_targets(service: str, operation: str, response: Any) -> None:
    if (service, operation) == ("events", "PutTargets"):
        for target in response._get_param("Targets") or []:
            check_supported(target["Arn"])
