"""S3: what takes AWS a while with buckets, where the delays of the account are switched on."""

from typing import Any

from moto.s3.exceptions import S3ClientError
from moto.s3.models import FakeBucket, S3Backend

from embedded_account.account import Account
from embedded_account.faults.delays import Delays
from embedded_account.wiring.replacement import replace

NAMES, NOTIFICATIONS = "delay-bucket-names", "delay-notifications"


class OperationAbortedError(S3ClientError):
    """The name of a bucket that was deleted is not free yet."""

    def __init__(self) -> None:
        super().__init__(
            "OperationAborted",
            "A conflicting conditional operation is currently in progress against this resource. Please try again.",
        )


def install(account: Account) -> None:
    """Note when a bucket goes and when its events are switched on.

    Source: Amazon S3 user guide, "Deleting a bucket" and "Enabling Amazon EventBridge".
    """
    delays = account.singleton(Delays)

    def create_bucket(self: Any, bucket_name: str, region_name: str, bucket_namespace: str | None = None) -> Any:
        if delays.remaining(NAMES, bucket_name):
            raise OperationAbortedError
        return create(self, bucket_name, region_name, bucket_namespace)

    def delete_bucket(self: Any, bucket_name: str) -> Any:
        deleted = delete(self, bucket_name)
        if deleted is not None:
            delays.begin(NAMES, bucket_name)
        return deleted

    def set_notification_configuration(self: Any, notification_config: dict[str, Any] | None) -> None:
        was_on = sends_events(self)
        configure(self, notification_config)
        if sends_events(self) and not was_on:
            delays.begin(NOTIFICATIONS, self.name)

    create = replace(
        S3Backend, "create_bucket", create_bucket, parameters=("self", "bucket_name", "region_name", "bucket_namespace")
    )
    delete = replace(S3Backend, "delete_bucket", delete_bucket, parameters=("self", "bucket_name"))
    configure = replace(
        FakeBucket,
        "set_notification_configuration",
        set_notification_configuration,
        parameters=("self", "notification_config"),
    )


def sends_events(bucket: Any) -> bool:
    """Return whether the bucket's EventBridge notification is on."""
    configuration = bucket.notification_configuration
    return configuration is not None and configuration.event_bridge is not None
