"""The budgets of the account, by name, with what is told of each and to whom."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from embedded_account.account import Account
from embedded_account.errors import ServiceError


@dataclass
class Budget:
    """One budget as it was asked for; `notices` are its notifications, each with its subscribers."""

    definition: dict[str, Any]
    updated_at: datetime
    notices: list[dict[str, Any]] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Return the name, which is unique in an account."""
        return str(self.definition["BudgetName"])

    def describe(self) -> dict[str, Any]:
        """Return it as DescribeBudget does; nothing is billed here, so nothing was spent."""
        unit = self.definition.get("BudgetLimit", {}).get("Unit", "USD")
        spent = {"ActualSpend": {"Amount": "0", "Unit": unit}}
        return {**self.definition, "CalculatedSpend": spent, "LastUpdatedTime": self.updated_at}


class Budgets:
    """Finds budgets by their names."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self._budgets: dict[str, Budget] = {}
        self._lock = threading.Lock()
        account.persist("budgets", self.all, self._restore)

    def all(self) -> list[Budget]:
        """Return every budget, by name."""
        with self._lock:
            return [self._budgets[name] for name in sorted(self._budgets)]

    def get(self, name: str) -> Budget:
        """Return the budget of a name.

        Raises:
            ServiceError: NotFoundException, there is none.
        """
        with self._lock:
            if name not in self._budgets:
                raise ServiceError("NotFoundException", f"Unable to get budget: {name} - the budget doesn't exist.")
            return self._budgets[name]

    def add(self, budget: Budget) -> None:
        """Keep a new budget.

        Raises:
            ServiceError: DuplicateRecordException, there is one of its name.
        """
        with self._lock:
            if budget.name in self._budgets:
                raise ServiceError(
                    "DuplicateRecordException",
                    f"Error creating budget: {budget.name} - the budget already exists.",
                )
            self._budgets[budget.name] = budget

    def remove(self, name: str) -> None:
        """Forget a budget.

        Raises:
            ServiceError: NotFoundException, there is none.
        """
        self.get(name)
        with self._lock:
            self._budgets.pop(name, None)

    def _restore(self, budgets: list[Budget]) -> None:
        self._budgets = {budget.name: budget for budget in budgets}
