from local.account import Account


def install(account: Account) -> None:
    """Leave moto's part as it is."""
