"""Lifecycle rules. Source: Amazon S3 user guide, "Lifecycle configuration elements", "Expiring objects"."""

import json
import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from embedded_account.pytest_plugin import RunningAccount
from embedded_account.s3.lifecycle import (
    Content,
    class_of,
    ends_noncurrent,
    expiry_of,
    midnight_after,
    noncurrent_class_of,
)
from support.queues import messages, new_queue
from support.waiting import eventually

from embedded_account import advance_clock, start, stop

DAY = 86_400
MADE = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def ageing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAccount]:
    """Give an account of this module's own, in which days pass."""
    folder = tmp_path_factory.mktemp("ageing") / ".embedded-account"
    yield RunningAccount(start(folder), folder)
    stop(folder)


@pytest.fixture
def s3(ageing: RunningAccount) -> Any:
    """Give a client of it."""
    return ageing.client("s3")


@pytest.fixture
def bucket(s3: Any) -> str:
    """Give a bucket."""
    name = f"ageing-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=name)
    return name


def _rule(**members: Any) -> dict[str, Any]:
    return {"ID": "r", "Status": "Enabled", "Filter": {}, **members}


def _put_rules(s3: Any, bucket: str, *rules: dict[str, Any]) -> None:
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": list(rules)})


def _versioned(s3: Any, bucket: str) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})


def _keys(s3: Any, bucket: str) -> list[str]:
    return [item["Key"] for item in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


def _has_keys(s3: Any, bucket: str, *keys: str) -> None:
    eventually(lambda: _keys(s3, bucket) == list(keys), 20, "the objects that are left")


def test_time_of_a_rule_is_a_midnight() -> None:
    """User guide: made on 1/15 at 10:30, three days mean 1/19 at 00:00."""
    assert midnight_after(MADE, 3) == datetime(2026, 1, 19, tzinfo=UTC)


@pytest.mark.parametrize(
    ("wanted", "applies"),
    [
        ({}, True),
        ({"Prefix": "a/"}, True),
        ({"Prefix": "b/"}, False),
        ({"Tag": {"Key": "k", "Value": "v"}}, True),
        ({"Tag": {"Key": "k", "Value": "w"}}, False),
        ({"ObjectSizeGreaterThan": 9}, True),
        ({"ObjectSizeGreaterThan": 10}, False),
        ({"ObjectSizeLessThan": 11}, True),
        ({"ObjectSizeLessThan": 10}, False),
        ({"And": {"Prefix": "a/", "Tags": [{"Key": "k", "Value": "v"}], "ObjectSizeLessThan": 11}}, True),
        ({"And": {"Prefix": "a/", "Tags": [{"Key": "k", "Value": "v"}, {"Key": "l", "Value": "v"}]}}, False),
    ],
)
def test_filter_chooses_by_prefix_tags_and_size(wanted: dict[str, Any], applies: bool) -> None:
    """Of all that a filter names, everything must hold; sizes themselves are outside of their bounds."""
    expiry = expiry_of([_rule(Filter=wanted, Expiration={"Days": 1})], Content("a/b", 10, {"k": "v"}), MADE)

    assert (expiry is not None) == applies


def test_first_of_several_rules_ends_an_object() -> None:
    """A rule that is Disabled says nothing."""
    rules = [
        _rule(Expiration={"Days": 5}),
        _rule(ID="early", Expiration={"Date": datetime(2026, 1, 17, tzinfo=UTC)}),
        _rule(ID="off", Status="Disabled", Expiration={"Days": 1}),
    ]

    assert expiry_of(rules, Content("k", 1, {}), MADE) == (datetime(2026, 1, 17, tzinfo=UTC), "early")


@pytest.mark.parametrize(("num_newer", "is_over"), [(1, False), (2, True)])
def test_newer_noncurrent_versions_are_kept(num_newer: int, is_over: bool) -> None:
    """As many as the rule says, whatever their age."""
    rule = _rule(NoncurrentVersionExpiration={"NoncurrentDays": 1, "NewerNoncurrentVersions": 2})

    assert ends_noncurrent([rule], Content("k", 1, {}), MADE, num_newer, MADE + timedelta(days=30)) == is_over


@pytest.mark.parametrize(
    ("days", "present", "name"),
    [
        (29, "STANDARD", "STANDARD"),
        (31, "STANDARD", "STANDARD_IA"),
        (91, "STANDARD", "GLACIER"),
        (91, "STANDARD_IA", "GLACIER"),
        (91, "DEEP_ARCHIVE", "DEEP_ARCHIVE"),
    ],
)
def test_object_moves_to_colder_classes_alone(days: int, present: str, name: str) -> None:
    """Of several moves that are due the one to the coldest class counts."""
    moves = [{"Days": 90, "StorageClass": "GLACIER"}, {"Days": 30, "StorageClass": "STANDARD_IA"}]
    content = Content("k", 1024**2, {})

    assert class_of([_rule(Transitions=moves)], content, MADE, MADE + timedelta(days=days), present) == name


@pytest.mark.parametrize(
    ("wanted", "size", "moves"),
    [({}, 128 * 1024, True), ({}, 128 * 1024 - 1, False), ({"ObjectSizeGreaterThan": 9}, 10, True)],
)
def test_small_object_moves_where_the_filter_speaks_of_sizes(wanted: dict[str, Any], size: int, moves: bool) -> None:
    """By default what has less than 128 KB stays where it is."""
    rule = _rule(Filter=wanted, Transitions=[{"Days": 0, "StorageClass": "GLACIER"}])

    name = class_of([rule], Content("k", size, {}), MADE, MADE + timedelta(days=2), "STANDARD")

    assert (name == "GLACIER") == moves


@pytest.mark.parametrize(("num_newer", "name"), [(1, "STANDARD"), (2, "GLACIER")])
def test_noncurrent_version_moves_behind_the_newer_ones(num_newer: int, name: str) -> None:
    """As many as the rule says stay where they are."""
    move = {"NoncurrentDays": 1, "NewerNoncurrentVersions": 2, "StorageClass": "GLACIER"}
    rule, now = _rule(NoncurrentVersionTransitions=[move]), MADE + timedelta(days=30)

    assert noncurrent_class_of([rule], Content("k", 1024**2, {}), MADE, num_newer, now, "STANDARD") == name


@pytest.mark.account
def test_archived_object_cannot_be_read_until_it_is_restored(ageing: RunningAccount, s3: Any, bucket: str) -> None:
    """It is listed in its class, and GetObject answers InvalidObjectState."""
    _put_rules(s3, bucket, _rule(Transitions=[{"Days": 1, "StorageClass": "GLACIER"}]))
    s3.put_object(Bucket=bucket, Key="large", Body=bytes(128 * 1024))
    s3.put_object(Bucket=bucket, Key="small", Body=b"x")

    advance_clock(ageing.info, 2 * DAY)

    def classes() -> dict[str, str]:
        return {item["Key"]: item["StorageClass"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]}

    eventually(lambda: classes() == {"large": "GLACIER", "small": "STANDARD"}, 20, "the object in its class")
    with pytest.raises(ClientError, match="InvalidObjectState"):
        s3.get_object(Bucket=bucket, Key="large")
    s3.restore_object(Bucket=bucket, Key="large", RestoreRequest={"Days": 1})
    assert s3.get_object(Bucket=bucket, Key="large")["ContentLength"] == 128 * 1024


@pytest.mark.account
def test_objects_are_gone_after_their_days(ageing: RunningAccount, s3: Any, bucket: str) -> None:
    """Those of the rule alone, and what is put later lives its own days of the account's clock."""
    _put_rules(s3, bucket, _rule(Filter={"Prefix": "old/"}, Expiration={"Days": 1}))
    for key in ("kept", "old/a"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")

    advance_clock(ageing.info, 2 * DAY)
    _has_keys(s3, bucket, "kept")
    s3.put_object(Bucket=bucket, Key="old/b", Body=b"x")
    advance_clock(ageing.info, DAY)
    s3.put_object(Bucket=bucket, Key="old/c", Body=b"x")
    assert _keys(s3, bucket) == ["kept", "old/b", "old/c"]
    advance_clock(ageing.info, DAY)

    _has_keys(s3, bucket, "kept", "old/c")


@pytest.mark.account
def test_answers_tell_when_an_object_expires(s3: Any, bucket: str) -> None:
    """PutObject, GetObject, HeadObject and CopyObject have x-amz-expiration; an object of no rule has none."""
    _put_rules(s3, bucket, _rule(ID="of one day", Filter={"Prefix": "old/"}, Expiration={"Days": 1}))
    told = [
        s3.put_object(Bucket=bucket, Key="old/a", Body=b"x"),
        s3.put_object(Bucket=bucket, Key="old/a", Body=b"x", StorageClass="STANDARD_IA"),
        s3.get_object(Bucket=bucket, Key="old/a"),
        s3.head_object(Bucket=bucket, Key="old/a"),
        s3.copy_object(Bucket=bucket, Key="old/b", CopySource=f"{bucket}/old/a"),
    ]
    other = s3.put_object(Bucket=bucket, Key="kept", Body=b"x")

    pattern = r'expiry-date="\w{3}, \d\d \w{3} \d{4} 00:00:00 GMT", rule-id="of%20one%20day"'
    assert [one["Expiration"] for one in told if re.fullmatch(pattern, one["Expiration"])] == [
        told[0]["Expiration"]
    ] * 5
    assert "Expiration" not in other


@pytest.mark.account
def test_noncurrent_versions_and_their_marker_go(ageing: RunningAccount, s3: Any, bucket: str) -> None:
    """A current version becomes noncurrent by a delete marker; behind it nothing is left, and it goes too."""
    _versioned(s3, bucket)
    for body in (b"1", b"2"):
        s3.put_object(Bucket=bucket, Key="k", Body=body)
    _put_rules(s3, bucket, _rule(Expiration={"Days": 1}, NoncurrentVersionExpiration={"NoncurrentDays": 1}, Filter={}))

    advance_clock(ageing.info, 2 * DAY)
    _has_keys(s3, bucket)
    kept = eventually(lambda: s3.list_object_versions(Bucket=bucket).get("DeleteMarkers"), 20)
    advance_clock(ageing.info, 2 * DAY)
    eventually(lambda: "Versions" not in s3.list_object_versions(Bucket=bucket), 20, "versions that are gone")
    advance_clock(ageing.info, DAY)

    assert [marker["Key"] for marker in kept] == ["k"]
    eventually(lambda: "DeleteMarkers" not in s3.list_object_versions(Bucket=bucket), 20, "a marker that is gone")


@pytest.mark.account
def test_uploads_that_nobody_completes_are_given_up(ageing: RunningAccount, s3: Any, bucket: str) -> None:
    """After their days, by the prefix of the rule."""
    _put_rules(s3, bucket, _rule(Filter={"Prefix": "a"}, AbortIncompleteMultipartUpload={"DaysAfterInitiation": 1}))
    for key in ("a", "b"):
        s3.create_multipart_upload(Bucket=bucket, Key=key)

    advance_clock(ageing.info, 2 * DAY)

    def left() -> list[str]:
        return [upload["Key"] for upload in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]]

    eventually(lambda: left() == ["b"], 20, "the upload that is left")


@pytest.mark.account
def test_event_of_an_expired_object_names_the_rules(ageing: RunningAccount, s3: Any, bucket: str) -> None:
    """Source: S3 user guide, "EventBridge event message structure": reason, requester."""
    queue, events = new_queue(ageing), ageing.client("events")
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}})
    pattern = {"detail-type": ["Object Deleted"], "detail": {"bucket": {"name": [bucket]}}}
    events.put_rule(Name=bucket, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=bucket, Targets=[{"Id": "1", "Arn": queue.arn}])
    _put_rules(s3, bucket, _rule(Expiration={"Days": 1}))
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")

    advance_clock(ageing.info, 2 * DAY)

    detail = json.loads(messages(ageing, queue, at_least=1)[0])["detail"]
    assert (detail["reason"], detail["requester"]) == ("Lifecycle Expiration", "s3.amazonaws.com")
    assert (detail["deletion-type"], "source-ip-address" in detail) == ("Permanently Deleted", False)


@pytest.mark.account
def test_rules_are_read_as_they_were_put(s3: Any, bucket: str) -> None:
    """With sizes, dates and all; a rule without an ID gets one."""
    rules = [
        _rule(
            ID="all",
            Filter={"And": {"Prefix": "a/", "Tags": [{"Key": "k", "Value": "v"}], "ObjectSizeGreaterThan": 5}},
            Expiration={"Date": datetime(2099, 1, 1, tzinfo=UTC)},
            NoncurrentVersionExpiration={"NoncurrentDays": 3, "NewerNoncurrentVersions": 2},
        ),
        {"Status": "Disabled", "Prefix": "b", "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}},
    ]

    _put_rules(s3, bucket, *rules)

    first, second = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert first == rules[0]
    assert second == {**rules[1], "ID": second["ID"]}


@pytest.mark.account
def test_rules_and_ages_outlive_the_account(tmp_path: Path) -> None:
    """With a state folder: an object put before the end is as old after it, and the rules are the same."""
    folder, state = tmp_path / ".embedded-account", tmp_path / "state"
    first = RunningAccount(start(folder, state_folder=state), folder).client("s3")
    first.create_bucket(Bucket="ageing")
    rules = [_rule(Expiration={"Days": 2}), _rule(ID="far", Expiration={"Date": datetime(2099, 1, 1, tzinfo=UTC)})]
    _put_rules(first, "ageing", *rules)
    first.put_object(Bucket="ageing", Key="k", Body=b"x")
    told = first.head_object(Bucket="ageing", Key="k")["Expiration"]
    stop(folder)

    again = RunningAccount(start(folder, state_folder=state), folder).client("s3")
    try:
        kept = again.get_bucket_lifecycle_configuration(Bucket="ageing")["Rules"]
        assert (again.head_object(Bucket="ageing", Key="k")["Expiration"], kept) == (told, rules)
    finally:
        stop(folder)


@pytest.mark.account
@pytest.mark.parametrize(
    ("rules", "refused"),
    [
        ([_rule()], "InvalidRequest.*At least one action"),
        ([_rule(Expiration={"Days": 0})], "InvalidArgument.*'Days' for Expiration action must be a positive integer"),
        (
            [_rule(AbortIncompleteMultipartUpload={"DaysAfterInitiation": 0})],
            "InvalidArgument.*must be a positive integer",
        ),
        (
            [_rule(Expiration={"Date": datetime(2099, 1, 1, 12, tzinfo=UTC)})],
            "InvalidArgument.*must be at midnight GMT",
        ),
        ([_rule(Expiration={"Days": 1}), _rule(Expiration={"Days": 2})], "InvalidArgument.*must be unique"),
        (
            [_rule(Transitions=[{"Days": 29, "StorageClass": "STANDARD_IA"}])],
            "InvalidArgument.*greater than or equal to 30 for storageClass 'STANDARD_IA'",
        ),
    ],
)
def test_rules_that_cannot_be_followed_are_refused(
    s3: Any, bucket: str, rules: list[dict[str, Any]], refused: str
) -> None:
    """And the bucket has none. Source: Amazon S3 API reference, PutBucketLifecycleConfiguration."""
    with pytest.raises(ClientError, match=refused):
        _put_rules(s3, bucket, *rules)

    with pytest.raises(ClientError, match="NoSuchLifecycleConfiguration"):
        s3.get_bucket_lifecycle_configuration(Bucket=bucket)
