"""SNS: what a topic sends is sent with the permission of whoever gets it."""

from local.account import Account


def install(account: Account) -> None:
    """Deliver as `sns.amazonaws.com` on behalf of the topic."""
    from local.moto_patches import sns as patches
    from local.sns.delivery import Deliveries

    deliveries = Deliveries(account)
    patches.install(deliveries.is_allowed, deliveries.invoke)
