"""SQS: moto's queues, on the account's clock."""

from embedded_account.account import Account
from embedded_account.sqs import moto_clock


def install(account: Account) -> None:
    """Give moto's queues the account's clock."""
    moto_clock.install(account.clock)
