"""AWS Budgets: budgets with their notifications, which here never come, since nothing is billed."""

from embedded_account.account import Account


def install(account: Account) -> None:
    """Serve the operations by which budgets and their notifications are made, read, changed and deleted."""
    from embedded_account.budgets.budgets import Budgets
    from embedded_account.budgets.operations import operations
    from embedded_account.wiring.serving import serve

    serve(account, "budgets", operations(account.singleton(Budgets)))
