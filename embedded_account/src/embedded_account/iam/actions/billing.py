"""AWS Budgets and AWS Price List.

Source: Service Authorization Reference, AWS Budget Service and AWS Price List. Of budgets
reading is one action, making and changing the other.
"""

from embedded_account.iam.actions.rules import ANY, Call, Rule, each, on


def _budget(call: Call) -> list[str]:
    given = call.get("Budget") or call.get("NewBudget") or {}
    name = call.get("BudgetName") or given.get("BudgetName") or "*"
    return [f"arn:aws:budgets::{call.account_id}:budget/{name}"]


BUDGETS: dict[str, Rule] = {
    **each("CreateBudget UpdateBudget DeleteBudget", on(_budget).named("budgets:ModifyBudget")),
    **each(
        "DescribeBudget DescribeBudgets DescribeNotificationsForBudget DescribeSubscribersForNotification",
        on(_budget).named("budgets:ViewBudget"),
    ),
}
PRICING: dict[str, Rule] = each("GetProducts DescribeServices GetAttributeValues", ANY)
