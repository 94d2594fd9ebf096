"""S3: the events that it sends to EventBridge, in AWS's shape and once for each object."""

import itertools
import logging
import time
from contextvars import ContextVar
from typing import Any

from moto.iam.access_control import PermissionResult
from moto.s3 import notifications
from moto.s3.models import FakeBucket
from moto.s3.utils import _VersionedKeyStore

from embedded_account.account import Account
from embedded_account.events.moto_rules import publish
from embedded_account.faults.delays import Delays
from embedded_account.s3 import moto_delays
from embedded_account.unique_ids import hex_id, new_uuid
from embedded_account.wiring.replacement import replace

logger = logging.getLogger("embedded_account.s3")

# moto's name of what happened -> (detail-type, reason). Source: S3 user guide, "EventBridge event message structure".
_KINDS = {
    "s3:ObjectCreated:Put": ("Object Created", "PutObject"),
    "s3:ObjectCreated:Post": ("Object Created", "POST Object"),
    "s3:ObjectCreated:Copy": ("Object Created", "CopyObject"),
    "s3:ObjectCreated:CompleteMultipartUpload": ("Object Created", "CompleteMultipartUpload"),
    "s3:ObjectRemoved:Delete": ("Object Deleted", "DeleteObject"),
    "s3:ObjectRemoved:DeleteMarkerCreated": ("Object Deleted", "DeleteObject"),
    "s3:LifecycleExpiration:Delete": ("Object Deleted", "Lifecycle Expiration"),
    "s3:LifecycleExpiration:DeleteMarkerCreated": ("Object Deleted", "Lifecycle Expiration"),
}
_NAMES = notifications.S3NotificationEvent
# What a client's deletion is called -> what a rule's is.
_BY_RULES = {
    _NAMES.OBJECT_REMOVED_DELETE_EVENT: _NAMES.LIFECYCLEEXPIRATION_DELETE_EVENT,
    _NAMES.OBJECT_REMOVED_DELETE_MARKER_CREATED_EVENT: _NAMES.LIFECYCLE_EXPIRATION_DELETE_MARKER_CREATED_EVENT,
}
_sequence = itertools.count()
is_posted: ContextVar[bool] = ContextVar("is_posted", default=False)  # whether a form is what is put
is_expired: ContextVar[bool] = ContextVar("is_expired", default=False)  # whether a rule is what deletes


def install(account: Account) -> None:
    """Send one correct event where moto sends a constant, incomplete or doubled one."""

    delays = account.singleton(Delays)

    def send(account_id: str, bucket: Any, event_name: Any, key: Any) -> None:
        name = str(getattr(event_name, "value", event_name))
        kind = _KINDS.get(name)
        if kind is None or _is_echo_of_multipart(kind[1], key):
            return
        if delays.remaining(moto_delays.NOTIFICATIONS, bucket.name):
            logger.info("the event of s3://%s/%s is lost: EventBridge hears of the bucket later", bucket.name, key.name)
            return
        try:
            publish(account, _event(account, bucket, key, *kind, leaves_marker=name.endswith("MarkerCreated")))
        except Exception:
            logger.exception("the event of s3://%s/%s was not sent", bucket.name, getattr(key, "name", "?"))

    def send_of_rules(account_id: str, event_name: Any, bucket: Any, key: Any) -> None:
        if is_expired.get():
            event_name = _BY_RULES.get(event_name, event_name)
        send_event(account_id, event_name, bucket, key)

    send_event = replace(
        notifications, "send_event", send_of_rules, parameters=("account_id", "event_name", "bucket", "key")
    )
    _replace_iteration()
    replace(FakeBucket, "get_permission", _permission, parameters=("self", "action", "resource"))
    replace(notifications, "_send_event_bridge_message", send, parameters=("account_id", "bucket", "event_name", "key"))


def _replace_iteration() -> None:
    """Let objects be listed while others are put and deleted; moto looks each key up once more, and may miss it."""

    def snapshot(self: Any) -> list[tuple[str, list[Any]]]:
        return [(key, list(versions)) for key, versions in dict.copy(self).items() if versions]

    store: Any = _VersionedKeyStore
    assert store.items is store.iteritems, "moto's _VersionedKeyStore has other names; was moto upgraded?"
    store.lists = store.iterlists = lambda self: iter(snapshot(self))
    store.items = store.iteritems = lambda self: iter([(key, versions[-1]) for key, versions in snapshot(self)])
    store.values = store.itervalues = lambda self: iter([versions[-1] for _, versions in snapshot(self)])


def _permission(self: Any, action: str, resource: str) -> Any:
    """Leave the bucket's policy to the iam service, which decided before; moto ignores principals and conditions."""
    return PermissionResult.NEUTRAL


def _is_echo_of_multipart(reason: str, key: Any) -> bool:
    """moto stores a completed multipart upload by a put of its own, which is no event on AWS."""
    return reason == "PutObject" and getattr(key, "multipart", None) is not None


def _event(
    account: Account, bucket: Any, key: Any, detail_type: str, reason: str, *, leaves_marker: bool
) -> dict[str, Any]:
    detail: dict[str, Any] = {
        "version": "0",
        "bucket": {"name": bucket.name},
        "object": {"key": key.name, "sequencer": _sequencer()},
        "request-id": hex_id(16),
        "requester": account.account_id,
        "source-ip-address": "127.0.0.1",
        "reason": "POST Object" if is_posted.get() and reason == "PutObject" else reason,
    }
    if is_expired.get():  # nobody asks for it
        del detail["source-ip-address"]
        detail["requester"] = "s3.amazonaws.com"
    if bucket.is_versioned:
        detail["object"]["version-id"] = key.version_id
    if detail_type == "Object Created":
        detail["object"] |= {"size": key.size, "etag": key.etag.strip('"')}
    else:
        detail["deletion-type"] = "Delete Marker Created" if leaves_marker else "Permanently Deleted"
    return {
        "version": "0",
        "id": new_uuid(),
        "detail-type": detail_type,
        "source": "aws.s3",
        "account": account.account_id,
        "time": account.clock.time(),
        "region": bucket.region_name,
        "resources": [bucket.arn],
        "detail": detail,
    }


def _sequencer() -> str:
    """Return a hexadecimal text that grows with each event, also over restarts."""
    return f"{int(time.time()):08X}{next(_sequence) % 0x100000000:010X}"
