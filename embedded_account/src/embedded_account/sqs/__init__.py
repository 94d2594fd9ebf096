"""SQS: moto's queues, on the account's clock, for many callers at once."""

from embedded_account.account import Account
from embedded_account.sqs import attributes, moto_clock, moto_messages, redrive


def install(account: Account) -> None:
    """Give moto's queues the account's clock, and let no message be lost."""
    attributes.install(account)
    redrive.install(account)
    moto_clock.install(account.clock)
    moto_messages.install()
