"""Budgets: made once under a name, read as they were made, changed, and gone; AWS's bounds hold."""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from embedded_account.pytest_plugin import RunningAccount

ACCOUNT = "123456789012"
TOPIC = {"SubscriptionType": "SNS", "Address": "arn:aws:sns:us-east-1:123456789012:told"}
NOTICE = {"NotificationType": "ACTUAL", "ComparisonOperator": "GREATER_THAN", "Threshold": 80.0}


@pytest.fixture
def budgets(account: RunningAccount) -> Any:
    """Give a client of the service."""
    return account.client("budgets")


def _budget(name: str, amount: str = "20", **others: Any) -> dict[str, Any]:
    limit = {"Amount": amount, "Unit": "USD"}
    return {"BudgetName": name, "BudgetType": "COST", "TimeUnit": "MONTHLY", "BudgetLimit": limit, **others}


def test_a_budget_is_read_as_it_was_made(budgets: Any) -> None:
    """With its filter and its notification; nothing was spent, since nothing is billed here."""
    filters = {"TagKeyValue": ["user:Stack$flowers"]}
    notices = [{"Notification": NOTICE, "Subscribers": [TOPIC]}]

    budgets.create_budget(
        AccountId=ACCOUNT, Budget=_budget("read", CostFilters=filters), NotificationsWithSubscribers=notices
    )

    made = budgets.describe_budget(AccountId=ACCOUNT, BudgetName="read")["Budget"]
    assert (made["BudgetLimit"], made["CostFilters"]) == ({"Amount": "20", "Unit": "USD"}, filters)
    assert made["CalculatedSpend"] == {"ActualSpend": {"Amount": "0", "Unit": "USD"}}
    assert budgets.describe_notifications_for_budget(AccountId=ACCOUNT, BudgetName="read")["Notifications"] == [NOTICE]
    told = budgets.describe_subscribers_for_notification(AccountId=ACCOUNT, BudgetName="read", Notification=NOTICE)
    assert told["Subscribers"] == [TOPIC]


def test_a_budget_is_changed_and_deleted(budgets: Any) -> None:
    """It keeps its name; once gone it is not found."""
    budgets.create_budget(AccountId=ACCOUNT, Budget=_budget("changed"))

    budgets.update_budget(AccountId=ACCOUNT, NewBudget=_budget("changed", "30"))
    (made,) = [one for one in budgets.describe_budgets(AccountId=ACCOUNT)["Budgets"] if one["BudgetName"] == "changed"]
    budgets.delete_budget(AccountId=ACCOUNT, BudgetName="changed")

    assert made["BudgetLimit"]["Amount"] == "30"
    with pytest.raises(ClientError, match=r"NotFoundException.*changed"):
        budgets.describe_budget(AccountId=ACCOUNT, BudgetName="changed")


@pytest.mark.parametrize(
    ("budget", "notices", "expected"),
    [
        (_budget("x", "-1"), [], "InvalidParameterException.*amount"),
        (_budget("x", "much"), [], "InvalidParameterException.*amount"),
        (_budget("a:b"), [], "InvalidParameterException.*colon"),
        (_budget("x", BudgetType="USAGE"), [], "NotImplemented.*BudgetType"),
        (_budget("x"), [{"Notification": NOTICE, "Subscribers": [TOPIC, TOPIC]}], "CreationLimitExceeded.*one topic"),
        (_budget("x"), [{"Notification": NOTICE, "Subscribers": [TOPIC]}] * 6, "CreationLimitExceeded.*at most 5"),
        (
            _budget("x"),
            [{"Notification": NOTICE, "Subscribers": [{"SubscriptionType": "SNS", "Address": "told"}]}],
            "InvalidParameterException.*no ARN",
        ),
    ],
)
def test_what_aws_refuses_is_refused(budgets: Any, budget: Any, notices: Any, expected: str) -> None:
    """And what is not carried out is, by name."""
    with pytest.raises(ClientError, match=expected):
        budgets.create_budget(AccountId=ACCOUNT, Budget=budget, NotificationsWithSubscribers=notices)


def test_a_name_is_taken_once_and_in_one_account(budgets: Any) -> None:
    """Neither a second budget of the name, nor one of another account."""
    budgets.create_budget(AccountId=ACCOUNT, Budget=_budget("once"))

    with pytest.raises(ClientError, match=r"DuplicateRecordException.*once"):
        budgets.create_budget(AccountId=ACCOUNT, Budget=_budget("once"))
    with pytest.raises(ClientError, match="AccessDeniedException"):
        budgets.create_budget(AccountId="210987654321", Budget=_budget("other"))
