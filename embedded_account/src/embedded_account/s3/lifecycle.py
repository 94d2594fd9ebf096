"""S3's lifecycle rules: which objects, versions and uploads they speak of, and when these move or are over.

Source: Amazon S3 user guide, "Lifecycle configuration elements": a time is a number of days after a version was made,
became noncurrent, or an upload was begun, and then the next midnight of UTC; "Transitioning objects using Amazon S3
Lifecycle": only to colder classes, and nothing below 128 KB unless the filter speaks of sizes.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

Rule = Mapping[str, Any]
_ACTIONS = (
    "AbortIncompleteMultipartUpload", "Expiration", "NoncurrentVersionExpiration", "NoncurrentVersionTransitions",
    "Transitions",
)  # fmt: skip
_CLASSES = (  # from the warmest on
    "STANDARD", "STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE",
)  # fmt: skip
_RANKS = {name: rank for rank, name in enumerate(_CLASSES)}
_LEAST_MOVED_BYTES = 128 * 1024
_INFREQUENT_DAYS = 30  # that an object is kept where it was before it moves to infrequent access


class Content(NamedTuple):
    """What a rule's filter asks of a version of an object."""

    key: str
    size: int
    tags: Mapping[str, str]


class Expiry(NamedTuple):
    """When an object is over, and by which rule."""

    at: datetime
    rule_id: str


class BadRuleError(ValueError):
    """Rules that S3 refuses; `code` is its code for them."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def check(rules: Iterable[Rule]) -> None:
    """Return when rules can be followed; what the schema says of them was looked at before.

    Source: Amazon S3 API reference, PutBucketLifecycleConfiguration.

    Raises:
        BadRuleError: an action without a sense, or none, or an ID that comes twice.
    """
    seen: set[str] = set()
    for rule in rules:
        if rule["ID"] in seen:
            raise BadRuleError("InvalidArgument", "Rule ID must be unique. Found same ID for more than one rule")
        seen.add(rule["ID"])
        if not any(action in rule for action in _ACTIONS):
            raise BadRuleError("InvalidRequest", "At least one action needs to be specified in a rule")
        _check_positive(rule, "Expiration", "Days")
        _check_date(rule.get("Expiration") or {})
        _check_positive(rule, "NoncurrentVersionExpiration", "NoncurrentDays")
        _check_positive(rule, "AbortIncompleteMultipartUpload", "DaysAfterInitiation")
        for move in rule.get("Transitions", []):
            _check_date(move)
            _check_move(move)


def _check_move(move: Mapping[str, Any]) -> None:
    name = move["StorageClass"]
    if name in ("STANDARD_IA", "ONEZONE_IA") and move.get("Days", _INFREQUENT_DAYS) < _INFREQUENT_DAYS:
        words = f"'Days' in Transition action must be greater than or equal to 30 for storageClass '{name}'"
        raise BadRuleError("InvalidArgument", words)


def _check_date(expiration: Mapping[str, Any]) -> None:
    date = expiration.get("Date")
    if date is not None and date.astimezone(UTC).time().isoformat() != "00:00:00":
        raise BadRuleError("InvalidArgument", "'Date' must be at midnight GMT")


def _check_positive(rule: Rule, action: str, member: str) -> None:
    days = (rule.get(action) or {}).get(member, 1)
    if days < 1:
        raise BadRuleError("InvalidArgument", f"'{member}' for {action} action must be a positive integer")


def expiry_of(rules: Iterable[Rule], content: Content, made_at: datetime) -> Expiry | None:
    """Return when the current version of an object is over, by the rule that is the first to end it."""
    ends = [
        Expiry(at, rule["ID"])
        for rule in rules
        if _speaks_of(rule, content) and (at := _end(rule.get("Expiration") or {}, made_at)) is not None
    ]
    return min(ends, default=None)


def ends_marker(rules: Iterable[Rule], key: str, made_at: datetime, now: datetime) -> bool:
    """Return whether a delete marker without any version behind it is removed."""
    content = Content(key, 0, {})
    told = [rule.get("Expiration") or {} for rule in rules if _speaks_of(rule, content)]
    return any(
        one.get("ExpiredObjectDeleteMarker") or ("Days" in one and midnight_after(made_at, one["Days"]) <= now)
        for one in told
    )


def ends_noncurrent(rules: Iterable[Rule], content: Content, since: datetime, num_newer: int, now: datetime) -> bool:
    """Return whether a version is over that is noncurrent `since`, with so many newer noncurrent ones."""
    told = [rule.get("NoncurrentVersionExpiration") for rule in rules if _speaks_of(rule, content)]
    return any(
        num_newer >= one.get("NewerNoncurrentVersions", 0) and midnight_after(since, one["NoncurrentDays"]) <= now
        for one in told
        if one
    )


def class_of(rules: Iterable[Rule], content: Content, made_at: datetime, now: datetime, present: str) -> str:
    """Return the storage class to which a current version has moved from the `present` one."""
    moves = _moves(rules, content, "Transitions")
    return _coldest(present, [one for one in moves if (at := _end(one, made_at)) is not None and at <= now])


def noncurrent_class_of(
    rules: Iterable[Rule], content: Content, since: datetime, num_newer: int, now: datetime, present: str
) -> str:
    """Return the storage class to which a version has moved that is noncurrent `since`, with so many newer ones."""
    moves = [
        one
        for one in _moves(rules, content, "NoncurrentVersionTransitions")
        if num_newer >= one.get("NewerNoncurrentVersions", 0) and midnight_after(since, one["NoncurrentDays"]) <= now
    ]
    return _coldest(present, moves)


def _moves(rules: Iterable[Rule], content: Content, action: str) -> list[Mapping[str, Any]]:
    return [
        one for rule in rules if _speaks_of(rule, content) and _may_move(rule, content) for one in rule.get(action, [])
    ]


def _may_move(rule: Rule, content: Content) -> bool:
    given: Mapping[str, Any] = rule.get("Filter") or {}
    speaks_of_sizes = any(name.startswith("ObjectSize") for name in given.get("And", given))
    return speaks_of_sizes or content.size >= _LEAST_MOVED_BYTES


def _coldest(present: str, moves: Iterable[Mapping[str, Any]]) -> str:
    names: list[str] = [present, *(one["StorageClass"] for one in moves)]
    return max(names, key=lambda name: _RANKS.get(name, 0))


def ends_upload(rules: Iterable[Rule], key: str, begun_at: datetime, now: datetime) -> bool:
    """Return whether an upload that is not completed is given up."""
    told = [rule.get("AbortIncompleteMultipartUpload") for rule in rules if _speaks_of(rule, Content(key, 0, {}))]
    return any(midnight_after(begun_at, one["DaysAfterInitiation"]) <= now for one in told if one)


def midnight_after(moment: datetime, days: int) -> datetime:
    """Return the first midnight that is more than so many days after a moment."""
    later = (moment + timedelta(days=days + 1)).astimezone(UTC)
    return later.replace(hour=0, minute=0, second=0, microsecond=0)


def _end(expiration: Mapping[str, Any], made_at: datetime) -> datetime | None:
    if "Days" in expiration:
        return midnight_after(made_at, expiration["Days"])
    date: datetime | None = expiration.get("Date")
    return date


def _speaks_of(rule: Rule, content: Content) -> bool:
    if rule["Status"] != "Enabled":
        return False
    given: Mapping[str, Any] = rule.get("Filter") or {"Prefix": rule.get("Prefix", "")}
    wanted: Mapping[str, Any] = given.get("And", given)
    if not content.key.startswith(wanted.get("Prefix") or ""):  # so it is with most, and asked of each object
        return False
    tags = [*wanted.get("Tags", []), *([wanted["Tag"]] if "Tag" in wanted else [])]
    return (
        content.size > wanted.get("ObjectSizeGreaterThan", -1)
        and content.size < wanted.get("ObjectSizeLessThan", content.size + 1)
        and all(content.tags.get(tag["Key"]) == tag["Value"] for tag in tags)
    )
