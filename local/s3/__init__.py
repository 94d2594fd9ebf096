"""S3: moto stores buckets and objects; the events it sends to EventBridge are corrected."""

from local.account import Account


def install(account: Account) -> None:
    """Send object events to EventBridge as S3 does."""
    from local.moto_patches import s3 as patches

    patches.install(account)
