"""S3: moto stores buckets and objects; plain requests take a short way to them, and its events are corrected."""

from local.account import Account


def install(account: Account) -> None:
    """Send object events to EventBridge as S3 does, and answer plain object requests."""
    from local.moto_patches import s3 as patches
    from local.s3.objects import Objects

    patches.install(account)
    account.add_middleware(Objects(account).middleware)
