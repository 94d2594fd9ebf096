"""S3: lifecycle rules are kept as they were put, told of with each object, and followed each midnight of the account.

Source: Amazon S3 user guide, "Managing the lifecycle of objects"; S3 API reference, GetObject, x-amz-expiration.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape

from botocore.parsers import create_parser
from moto.core.responses import ActionResult
from moto.s3.exceptions import NoSuchLifecycleConfiguration, S3ClientError
from moto.s3.models import FakeBucket, FakeDeleteMarker, FakeKey, FakeMultipart, s3_backends
from moto.s3.responses import S3Response

from embedded_account.account import Account
from embedded_account.clock import Clock
from embedded_account.data_files import service_model
from embedded_account.s3 import lifecycle
from embedded_account.s3.moto_events import is_expired
from embedded_account.wiring.replacement import replace

_GET = "GetBucketLifecycleConfiguration"


def install(account: Account) -> None:
    """Follow the rules of the account's buckets."""
    for kind in (FakeKey, FakeDeleteMarker, FakeMultipart):
        _date(kind, account.clock)
    _keep_rules()
    _tell_expiry(account)
    account.every("s3-lifecycle", 1.0, Lifecycle(account).tick)


class Lifecycle:
    """Looks once a day for what the rules have moved or ended."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._backend: Any = s3_backends[account.account_id]["aws"]
        self._looked_on: date | None = None

    def tick(self) -> None:
        """Move and remove what is due since midnight; every time of a rule is one."""
        now = self._account.clock.now()
        if now.date() == self._looked_on:
            return
        self._looked_on = now.date()
        for bucket in list(self._backend.buckets.values()):
            if bucket.rules:
                with _by_lifecycle():
                    self._follow(bucket, now)

    def _follow(self, bucket: Any, now: datetime) -> None:
        rules = _rules(bucket)
        for upload in list(bucket.multiparts.values()):
            if lifecycle.ends_upload(rules, upload.key_name, _made_at(upload), now):
                self._backend.abort_multipart_upload(bucket.name, upload.id)
        for key in list(dict.keys(bucket.keys)):
            versions = list(bucket.keys.getlist(key, []))
            self._move(rules, versions, now)
            self._end_noncurrent(bucket, rules, versions, now)
            if versions:
                self._end_current(bucket, rules, versions, now)

    def _move(self, rules: list[lifecycle.Rule], versions: list[Any], now: datetime) -> None:
        for index, version in enumerate(versions):
            if isinstance(version, FakeDeleteMarker):
                continue
            content, present = self._content(version), version.storage_class
            if index == len(versions) - 1:
                name = lifecycle.class_of(rules, content, _made_at(version), now, present)
            else:
                since, num_newer = _made_at(versions[index + 1]), len(versions) - 2 - index
                name = lifecycle.noncurrent_class_of(rules, content, since, num_newer, now, present)
            if name != present:
                version.set_storage_class(name)

    def _end_noncurrent(self, bucket: Any, rules: list[lifecycle.Rule], versions: list[Any], now: datetime) -> None:
        for index, version in enumerate(versions[:-1]):
            since, num_newer = _made_at(versions[index + 1]), len(versions) - 2 - index
            is_over = lifecycle.ends_noncurrent(rules, self._content(version), since, num_newer, now)
            if is_over and not (isinstance(version, FakeKey) and version.is_locked(governance_bypass=False)):
                self._backend.delete_object(bucket.name, version.name, version.version_id)

    def _end_current(self, bucket: Any, rules: list[lifecycle.Rule], versions: list[Any], now: datetime) -> None:
        current = versions[-1]
        if isinstance(current, FakeDeleteMarker):
            left = bucket.keys.getlist(current.name, [])
            if len(left) == 1 and lifecycle.ends_marker(rules, current.name, _made_at(current), now):
                self._backend.delete_object(bucket.name, current.name, current.version_id)
            return
        expiry = lifecycle.expiry_of(rules, self._content(current), _made_at(current))
        if expiry is None or expiry.at > now:
            return
        self._backend.delete_object(bucket.name, current.name)

    def _content(self, version: Any) -> lifecycle.Content:
        return content_of(self._backend, version)


def content_of(backend: Any, version: Any) -> lifecycle.Content:
    """Return what the filters of rules ask of a version; a delete marker has a name alone."""
    if isinstance(version, FakeDeleteMarker):
        return lifecycle.Content(version.name, 0, {})
    return lifecycle.Content(version.name, version.size, backend.tagger.get_tag_dict_for_resource(version.arn))


def _date(kind: Any, clock: Clock) -> None:
    """Note on the account's clock when each thing was made; moto's own dates are of real time, as clients see them."""
    made = kind.__init__

    def initialise(self: Any, *positional: Any, **named: Any) -> None:
        made(self, *positional, **named)
        self.made_at = clock.now()

    kind.__init__ = initialise


def _made_at(thing: Any) -> datetime:
    """Return when a version or an upload was made; one of an older account's state has moto's date alone."""
    made_at: datetime | None = getattr(thing, "made_at", None)
    return made_at or getattr(thing, "last_modified", datetime.now(UTC)).replace(tzinfo=UTC)


def _keep_rules() -> None:
    """Keep every member of the rules; moto knows no sizes, and no newer versions that are to stay."""

    def set_lifecycle(self: Any, rules: list[dict[str, Any]]) -> None:
        parsed = _parsed(rules)
        try:
            lifecycle.check(parsed)
        except lifecycle.BadRuleError as error:
            raise S3ClientError(error.code, str(error)) from error
        original(self, rules)
        self.lifecycle_rules = parsed

    def get_bucket_lifecycle(self: Any) -> Any:
        self.data["Action"] = _GET
        bucket = self.backend.get_bucket(self.bucket_name)
        if not bucket.rules:
            raise NoSuchLifecycleConfiguration(bucket_name=self.bucket_name)
        told = {"Rules": _rules(bucket), "TransitionDefaultMinimumObjectSize": "all_storage_classes_128K"}
        return self.serialized(ActionResult(told))

    original = replace(FakeBucket, "set_lifecycle", set_lifecycle, parameters=("self", "rules"))
    replace(S3Response, "get_bucket_lifecycle", get_bucket_lifecycle, parameters=("self",))


def _rules(bucket: Any) -> list[lifecycle.Rule]:
    rules: list[lifecycle.Rule] = getattr(bucket, "lifecycle_rules", [])
    return rules


def _parsed(rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rules, which moto has as texts, by the types of AWS's model; one without an ID gets one."""
    body = _xml("LifecycleConfiguration", {"Rule": rules}).encode()
    shape: Any = service_model("s3").operation_model(_GET).output_shape
    parsed = create_parser("rest-xml").parse({"body": body, "headers": {}, "status_code": 200}, shape)
    return [_plain({**rule, "ID": rule.get("ID") or uuid.uuid4().hex}) for rule in parsed["Rules"]]


def _plain(rule: dict[str, Any]) -> dict[str, Any]:
    """Return a rule with its dates in the zone that a kept state may have."""
    dated: dict[str, Any] = {"Expiration": _in_utc(rule["Expiration"])} if "Expiration" in rule else {}
    if "Transitions" in rule:
        dated["Transitions"] = [_in_utc(one) for one in rule["Transitions"]]
    return {**rule, **dated}


def _in_utc(action: dict[str, Any]) -> dict[str, Any]:
    return {**action, "Date": action["Date"].astimezone(UTC)} if "Date" in action else action


def _xml(name: str, value: Any) -> str:
    """Return what moto has read of an element as XML again."""
    if isinstance(value, list):
        return "".join(_xml(name, one) for one in value)
    members = value.items() if isinstance(value, dict) else ()
    inner = "".join(_xml(key, one) for key, one in members) if members else escape(value or "")
    return f"<{name}>{inner}</{name}>"


def _tell_expiry(account: Account) -> None:
    """Say with each object when its bucket's rules will end it."""
    backend: Any = s3_backends[account.account_id]["aws"]
    of_moto: Any = vars(FakeKey)["response_dict"]
    assert isinstance(of_moto, property), "moto's FakeKey.response_dict is no property any more; was moto upgraded?"

    def response_dict(self: Any) -> dict[str, Any]:
        told: dict[str, Any] = of_moto.__get__(self)
        bucket = backend.buckets.get(self.bucket_name)
        if bucket is None or not bucket.rules or bucket.keys.get(self.name) is not self:
            return told
        expiry = lifecycle.expiry_of(_rules(bucket), content_of(backend, self), _made_at(self))
        if expiry is None:
            return told
        moment = format_datetime(expiry.at.astimezone(UTC), usegmt=True)
        return told | {"x-amz-expiration": f'expiry-date="{moment}", rule-id="{quote(expiry.rule_id, safe="")}"'}

    setattr(FakeKey, "response_dict", property(response_dict))  # noqa: B010 (mypy sees a property)


@contextmanager
def _by_lifecycle() -> Iterator[None]:
    """Let the events of what is removed name the rules as their reason."""
    token = is_expired.set(True)
    try:
        yield
    finally:
        is_expired.reset(token)
