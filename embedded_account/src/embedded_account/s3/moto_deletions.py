"""S3: what is sent of deletions in a versioned bucket, of each marker and each version; moto tells of the last alone.

Source: Amazon S3 user guide, "Event notification types and destinations" and "EventBridge event message structure".
"""

from dataclasses import dataclass
from typing import Any

from moto.s3 import notifications
from moto.s3.models import S3Backend

from embedded_account.wiring.replacement import replace

_EMPTY_ETAG = '"d41d8cd98f00b204e9800998ecf8427e"'
_KINDS = notifications.S3NotificationEvent


@dataclass(frozen=True)
class _Deleted:
    """What an event tells of a version that is gone, or of a marker, which is empty."""

    name: str
    version_id: str
    size: int
    etag: str


def install() -> None:
    """Tell of each marker that is made and of each version that is gone."""

    def send(account_id: str, event_name: Any, bucket: Any, key: Any) -> None:
        is_motos = event_name == _KINDS.OBJECT_REMOVED_DELETE_EVENT and not isinstance(key, _Deleted)
        if not (is_motos and bucket.is_versioned):
            send_event(account_id, event_name, bucket, key)

    parameters: tuple[str, ...] = ("account_id", "event_name", "bucket", "key")
    send_event = replace(notifications, "send_event", send, parameters=parameters)

    def delete_object(
        self: Any, bucket_name: str, key_name: str, version_id: str | None = None, bypass: bool = False
    ) -> tuple[bool, dict[str, Any]]:
        bucket = self.get_bucket(bucket_name)
        before = _versions(bucket, key_name)
        answer: tuple[bool, dict[str, Any]] = original(self, bucket_name, key_name, version_id, bypass)
        after = _versions(bucket, key_name)
        made, gone = _missing(after, before), _missing(before, after)
        if bucket.is_versioned:
            for marker in made:
                notifications.send_event(
                    self.account_id, _KINDS.OBJECT_REMOVED_DELETE_MARKER_CREATED_EVENT, bucket, _shown(marker)
                )
            for version in gone:
                notifications.send_event(self.account_id, _KINDS.OBJECT_REMOVED_DELETE_EVENT, bucket, _shown(version))
        return answer

    parameters = ("self", "bucket_name", "key_name", "version_id", "bypass")
    original = replace(S3Backend, "delete_object", delete_object, parameters=parameters)


def _versions(bucket: Any, key_name: str) -> list[Any]:
    return list(bucket.keys.getlist(key_name, []))


def _missing(versions: list[Any], others: list[Any]) -> list[Any]:
    return [version for version in versions if all(version is not other for other in others)]


def _shown(version: Any) -> _Deleted:
    size, etag = getattr(version, "size", 0), getattr(version, "etag", _EMPTY_ETAG)
    return _Deleted(version.name, version.version_id, size, etag)
