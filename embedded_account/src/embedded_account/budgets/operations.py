"""The operations on budgets, with AWS's bounds.

Source: AWS Budgets API reference, each operation's page; Cost Management user guide, "Budgets quotas": five
notifications a budget, one topic and ten mail addresses a notification.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from embedded_account.budgets.budgets import Budget, Budgets
from embedded_account.errors import ServiceError
from embedded_account.wiring.refusals import refuse
from embedded_account.wiring.serving import Operation

_DEFINITION: Mapping[str, tuple[Any, ...]] = {
    "BudgetName": (),
    "BudgetType": ("COST",),
    "TimeUnit": ("DAILY", "MONTHLY", "QUARTERLY", "ANNUALLY"),
    "BudgetLimit": (),
    "CostFilters": (),
    "CostTypes": (),
    "TimePeriod": (),
}
_MOST_NOTICES, _MOST_MAILS = 5, 10


def operations(budgets: Budgets) -> dict[str, Operation]:
    """Return the operations by their names."""
    given: dict[str, Operation] = {
        "CreateBudget": lambda params: _create(budgets, params),
        "DescribeBudget": lambda params: {"Budget": budgets.get(params["BudgetName"]).describe()},
        "DescribeBudgets": lambda _: {"Budgets": [budget.describe() for budget in budgets.all()]},
        "UpdateBudget": lambda params: _update(budgets, params),
        "DeleteBudget": lambda params: _delete(budgets, params),
        "DescribeNotificationsForBudget": lambda params: {
            "Notifications": [notice["Notification"] for notice in budgets.get(params["BudgetName"]).notices]
        },
        "DescribeSubscribersForNotification": lambda params: _subscribers(budgets, params),
    }
    return {name: _of_account(budgets, operation) for name, operation in given.items()}


def _of_account(budgets: Budgets, operation: Operation) -> Operation:
    """Return an operation that is refused for an account that is not this one."""

    def checked(params: dict[str, Any]) -> dict[str, Any]:
        if params["AccountId"] != budgets.account.account_id:
            raise ServiceError("AccessDeniedException", f"Account {params['AccountId']} is not yours.")
        return operation(params)

    return checked


def _create(budgets: Budgets, params: dict[str, Any]) -> dict[str, Any]:
    refuse("CreateBudget", params, ("AccountId", "Budget", "NotificationsWithSubscribers"))
    notices = params.get("NotificationsWithSubscribers", [])
    _check(params["Budget"])
    _check_notices(notices)
    budgets.add(Budget(params["Budget"], budgets.account.clock.now(), notices))
    return {}


def _update(budgets: Budgets, params: dict[str, Any]) -> dict[str, Any]:
    definition = params["NewBudget"]
    _check(definition)
    budget = budgets.get(definition["BudgetName"])
    budget.definition, budget.updated_at = definition, budgets.account.clock.now()
    return {}


def _delete(budgets: Budgets, params: dict[str, Any]) -> dict[str, Any]:
    budgets.remove(params["BudgetName"])
    return {}


def _subscribers(budgets: Budgets, params: dict[str, Any]) -> dict[str, Any]:
    for notice in budgets.get(params["BudgetName"]).notices:
        if notice["Notification"] == params["Notification"]:
            return {"Subscribers": notice["Subscribers"]}
    raise ServiceError("NotFoundException", "Unable to get the notification: it doesn't exist.")


def _check(definition: Mapping[str, Any]) -> None:
    """Refuse what is not carried out here, and what AWS refuses.

    Raises:
        ServiceError: InvalidParameterException, or NotImplemented.
    """
    refuse("CreateBudget.Budget", definition, _DEFINITION)
    limit = definition.get("BudgetLimit")
    if limit is None:
        raise _invalid("Unable to create/update budget - please provide one of the followings: Budget Limit/ Planned"
                       " Budget Limit/ Auto Adjust Data")  # fmt: skip
    try:
        is_positive = float(limit["Amount"]) > 0
    except ValueError:
        is_positive = False
    if not is_positive or limit["Unit"] != "USD":
        raise _invalid(f"Budget limit {limit['Amount']} {limit['Unit']}: expected a positive amount of USD.")
    if any(char in definition["BudgetName"] for char in ":\\"):
        raise _invalid(f"Budget name {definition['BudgetName']!r}: no colon and no backslash is allowed.")


def _check_notices(notices: Sequence[Mapping[str, Any]]) -> None:
    if len(notices) > _MOST_NOTICES:
        raise ServiceError("CreationLimitExceededException", f"A budget has at most {_MOST_NOTICES} notifications.")
    for notice in notices:
        kinds = [subscriber["SubscriptionType"] for subscriber in notice["Subscribers"]]
        if kinds.count("SNS") > 1 or kinds.count("EMAIL") > _MOST_MAILS:
            raise ServiceError(
                "CreationLimitExceededException", f"A notification goes to one topic and {_MOST_MAILS} mail addresses."
            )
        for subscriber in notice["Subscribers"]:
            if subscriber["SubscriptionType"] == "SNS" and not subscriber["Address"].startswith("arn:"):
                raise _invalid(f"Subscriber address {subscriber['Address']!r} is no ARN of a topic.")


def _invalid(message: str) -> ServiceError:
    return ServiceError("InvalidParameterException", message)
