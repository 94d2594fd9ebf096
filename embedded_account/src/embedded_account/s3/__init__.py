"""S3: moto stores buckets and objects; plain requests take a short way to them, and its events are corrected."""

import shutil

from embedded_account.account import Account


def install(account: Account) -> None:
    """Send object events to EventBridge as S3 does, and answer plain object requests."""
    from embedded_account.s3 import (
        moto_bodies,
        moto_contents,
        moto_delays,
        moto_deletions,
        moto_destinations,
        moto_events,
        moto_forms,
        moto_keys,
        moto_lifecycle,
        preflights,
        statuses,
    )
    from embedded_account.s3.disk import Disk
    from embedded_account.s3.objects import Objects

    keeps = account.state_folder is not None
    contents = account.state_folder / "s3" if account.state_folder else account.work_folder("s3")
    if not keeps:
        shutil.rmtree(contents)  # of an account that was killed
    contents.mkdir(parents=True, exist_ok=True)
    disk = Disk(contents, keeps=keeps)
    account.expose_running("disk", lambda: [disk])
    moto_events.install(account)
    moto_deletions.install()
    moto_destinations.install(account)
    moto_contents.install(disk)
    moto_delays.install(account)
    moto_forms.install()
    moto_bodies.install()
    moto_keys.install(account)
    moto_lifecycle.install(account)
    account.add_middleware(Objects(account, disk).middleware)
    account.add_middleware(statuses.middleware)
    account.add_middleware(preflights.middleware(account))
