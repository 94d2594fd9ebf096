"""DynamoDB: what moto's tables do not do of their own accord."""

from embedded_account.account import Account
from embedded_account.dynamodb import expiry


def install(account: Account) -> None:
    """Let items expire."""
    expiry.install(account)
