"""AWS::Budgets::Budget."""

from typing import ClassVar

from embedded_account.cloudformation.resources.kinds import api, list_of
from embedded_account.cloudformation.resources.resource import Call, Properties, ResourceType, picked


class Budget(ResourceType):
    """A budget with its notifications; other notifications make another budget, as AWS's reference says."""

    name = "AWS::Budgets::Budget"
    properties: ClassVar = {
        "Budget": api("budgets", "Budget"),
        "NotificationsWithSubscribers": list_of(api("budgets", "NotificationWithSubscribers")),
    }
    required = frozenset({"Budget"})
    replaced_by = frozenset({"NotificationsWithSubscribers"})

    def create(self, call: Call, properties: Properties) -> None:
        name = properties["Budget"].get("BudgetName") or call.new_name(100)
        definition = {**properties["Budget"], "BudgetName": name}
        notices = picked(properties, "NotificationsWithSubscribers")
        call.client("budgets").create_budget(AccountId=call.account.account_id, Budget=definition, **notices)
        call.created(name)

    def update(self, call: Call, physical_id: str, properties: Properties, previous: Properties) -> None:  # noqa: ARG002
        definition = {**properties["Budget"], "BudgetName": physical_id}
        call.client("budgets").update_budget(AccountId=call.account.account_id, NewBudget=definition)

    def delete(self, call: Call, physical_id: str, properties: Properties) -> None:  # noqa: ARG002
        call.client("budgets").delete_budget(AccountId=call.account.account_id, BudgetName=physical_id)
