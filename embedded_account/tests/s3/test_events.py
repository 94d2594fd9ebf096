"""The events that S3 sends to EventBridge. Source: S3 user guide, "EventBridge event message structure"."""

import io
import json
import uuid

import requests
from boto3.s3.transfer import TransferConfig
from support.queues import messages, new_queue


def _bucket_with_ears(account, detail_type="Object Created"):
    bucket, queue = f"bucket-{uuid.uuid4().hex[:12]}", new_queue(account)
    s3, events = account.client("s3"), account.client("events")
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}})
    pattern = {"source": ["aws.s3"], "detail-type": [detail_type], "detail": {"bucket": {"name": [bucket]}}}
    events.put_rule(Name=bucket, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=bucket, Targets=[{"Id": "1", "Arn": queue.arn}])
    return s3, bucket, queue


def test_a_put_sends_one_event_in_the_documented_shape(account):
    """Key, size, etag, sequencer and reason stand where AWS has them."""
    s3, bucket, queue = _bucket_with_ears(account)

    etag = s3.put_object(Bucket=bucket, Key="datasets/x/_SUCCESS", Body=b"12345")["ETag"]

    event = json.loads(messages(account, queue, at_least=1)[0])
    assert event["resources"] == [f"arn:aws:s3:::{bucket}"]
    assert event["detail"]["bucket"] == {"name": bucket}
    assert event["detail"]["reason"] == "PutObject"
    content = event["detail"]["object"]
    assert (content["key"], content["size"], f'"{content["etag"]}"') == ("datasets/x/_SUCCESS", 5, etag)


def test_sequencers_grow_with_each_put_of_a_key(account):
    """An older event can be told from a newer one.

    Source: S3 user guide, "EventBridge event message structure": sequencer.
    """
    s3, bucket, queue = _bucket_with_ears(account)
    for content in (b"1", b"22", b"333"):
        s3.put_object(Bucket=bucket, Key="k", Body=content)

    received = [json.loads(body)["detail"]["object"] for body in messages(account, queue, at_least=3)]

    by_size = sorted(received, key=lambda content: content["size"])
    sequencers = [content["sequencer"] for content in by_size]
    assert sequencers == sorted(set(sequencers))


def test_a_multipart_upload_sends_one_event(account):
    """A file above the multipart threshold is one object, and so one event.

    Source: S3 user guide, "Using EventBridge": Object Created, CompleteMultipartUpload.
    """
    s3, bucket, queue = _bucket_with_ears(account)
    parts = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20)

    s3.upload_fileobj(io.BytesIO(bytes(11 << 20)), bucket, "big.zip", Config=parts)
    s3.put_object(Bucket=bucket, Key="after", Body=b"")

    reasons = [json.loads(body)["detail"]["reason"] for body in messages(account, queue, at_least=2)]
    assert sorted(reasons) == ["CompleteMultipartUpload", "PutObject"]


def test_an_uploaded_form_sends_one_event_of_its_own_reason(account):
    """A browser's upload is told from a program's.

    Source: Amazon S3 user guide, "EventBridge event message structure": reason.
    """
    s3, bucket, queue = _bucket_with_ears(account)
    form = s3.generate_presigned_post(bucket, "rose")

    requests.post(form["url"], data=form["fields"], files={"file": ("a", b"rose")}, timeout=30).raise_for_status()

    assert json.loads(messages(account, queue, at_least=1)[0])["detail"]["reason"] == "POST Object"


def test_deletions_in_a_versioned_bucket_are_told_by_their_kind(account):
    """A marker that is made is one, and a version or a marker that is gone is another; each with its own id.

    Source: Amazon S3 user guide, "EventBridge event message structure": deletion-type.
    """
    s3, bucket, queue = _bucket_with_ears(account, "Object Deleted")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    versions = [s3.put_object(Bucket=bucket, Key="k", Body=body)["VersionId"] for body in (b"1", b"2")]

    marker = s3.delete_object(Bucket=bucket, Key="k")["VersionId"]
    s3.delete_object(Bucket=bucket, Key="k", VersionId=marker)
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k", "VersionId": one} for one in versions]})

    told = [json.loads(body)["detail"] for body in messages(account, queue, at_least=4)]
    kinds = sorted((detail["deletion-type"], detail["object"]["version-id"]) for detail in told)
    gone = [("Permanently Deleted", one) for one in (marker, *versions)]
    assert kinds == sorted([("Delete Marker Created", marker), *gone])
    assert {detail["reason"] for detail in told} == {"DeleteObject"}


def test_a_queue_of_the_bucket_hears_of_a_marker(account):
    """By its own name. Source: Amazon S3 user guide, "Event notification types and destinations"."""
    bucket, queue, s3 = f"bucket-{uuid.uuid4().hex[:12]}", new_queue(account), account.client("s3")
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    heard = {"QueueArn": queue.arn, "Events": ["s3:ObjectRemoved:DeleteMarkerCreated"]}
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [heard]})
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")

    s3.delete_object(Bucket=bucket, Key="k")

    (body,) = [json.loads(one) for one in messages(account, queue, at_least=1) if "Records" in one]
    assert body["Records"][0]["eventName"] == "ObjectRemoved:DeleteMarkerCreated"
    assert body["Records"][0]["s3"]["object"]["key"] == "k"
