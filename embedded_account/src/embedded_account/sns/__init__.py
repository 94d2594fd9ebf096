"""SNS: what a topic sends is sent with the permission of whoever gets it."""

from embedded_account.account import Account


def install(account: Account) -> None:
    """Deliver as `sns.amazonaws.com` on behalf of the topic."""
    from embedded_account.sns import arns, moto_subscriptions
    from embedded_account.sns.delivery import Deliveries

    arns.install(account)
    deliveries = Deliveries(account)
    moto_subscriptions.install(deliveries.is_allowed, deliveries.invoke)
