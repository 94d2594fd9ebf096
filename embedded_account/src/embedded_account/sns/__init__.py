"""SNS: what a topic sends is sent with the permission of whoever gets it."""

from embedded_account.account import Account


def install(account: Account) -> None:
    """Deliver as `sns.amazonaws.com` on behalf of the topic."""
    from embedded_account.moto_patches import sns as patches
    from embedded_account.sns.delivery import Deliveries

    deliveries = Deliveries(account)
    patches.install(deliveries.is_allowed, deliveries.invoke)
