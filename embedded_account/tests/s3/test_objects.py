"""Plain object operations take a short way and answer as the long way does, which a request with an option takes."""

import uuid

import botocore.exceptions
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

_BODY = bytes(range(256)) * 3


@pytest.fixture
def s3(aws):
    """Return a client of the account."""
    return aws("s3")


@pytest.fixture
def bucket(s3):
    """Return the name of a new bucket."""
    name = f"bucket-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=name)
    return name


def _facts(answer):
    """Return what an answer says, without what differs from request to request."""
    left_out = {"ResponseMetadata", "LastModified", "Body", "AcceptRanges"}
    return {name: value for name, value in answer.items() if name not in left_out}


def test_a_put_answers_the_same_either_way(s3, bucket):
    """ETag, encryption and checksum do not depend on the way."""
    plain = s3.put_object(Bucket=bucket, Key="plain", Body=_BODY)
    with_option = s3.put_object(Bucket=bucket, Key="optional", Body=_BODY, ACL="private")

    assert _facts(plain) == _facts(with_option)
    assert plain["ChecksumCRC32"]


def test_an_object_reads_the_same_either_way(s3, bucket):
    """Content, type, metadata and checksum are those that were put."""
    s3.put_object(
        Bucket=bucket,
        Key="a/b c+ü.png",
        Body=_BODY,
        ContentType="image/png",
        CacheControl="no-store",
        Metadata={"x": "1"},
    )

    plain = s3.get_object(Bucket=bucket, Key="a/b c+ü.png")
    with_option = s3.get_object(Bucket=bucket, Key="a/b c+ü.png", VersionId="null")

    assert plain["Body"].read() == with_option["Body"].read() == _BODY
    assert (plain["ContentType"], plain["CacheControl"], plain["Metadata"]) == ("image/png", "no-store", {"x": "1"})
    assert _facts(plain) == _facts(with_option)


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA256"])
def test_an_object_put_in_parts_reads_the_same_either_way(s3, bucket, algorithm):
    """Its checksum, of the parts' or of the whole, is told as moto tells it."""
    upload = s3.create_multipart_upload(Bucket=bucket, Key="joined", ChecksumAlgorithm=algorithm)["UploadId"]
    part = s3.upload_part(
        Bucket=bucket, Key="joined", UploadId=upload, PartNumber=1, Body=_BODY, ChecksumAlgorithm=algorithm
    )
    s3.complete_multipart_upload(
        Bucket=bucket,
        Key="joined",
        UploadId=upload,
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
    )

    plain = s3.get_object(Bucket=bucket, Key="joined", ChecksumMode="ENABLED")
    with_option = s3.get_object(Bucket=bucket, Key="joined", ChecksumMode="ENABLED", VersionId="null")

    assert plain["Body"].read() == with_option["Body"].read() == _BODY
    assert _facts(plain) == _facts(with_option)


def test_a_head_tells_the_size_without_the_content(s3, bucket):
    """HeadObject's Content-Length is the object's.

    Source: S3 API reference, HeadObject.
    """
    s3.put_object(Bucket=bucket, Key="k", Body=_BODY)

    assert s3.head_object(Bucket=bucket, Key="k")["ContentLength"] == len(_BODY)


def test_a_wrong_checksum_is_refused(s3, bucket):
    """A body that is not the one its CRC32 was made of is not stored.

    Source: S3 user guide, "Checking object integrity": BadDigest.
    """
    with pytest.raises(botocore.exceptions.ClientError, match="BadDigest"):
        s3.put_object(Bucket=bucket, Key="k", Body=_BODY, ChecksumCRC32="AAAAAA==")

    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_a_missing_object_and_a_missing_bucket_are_named(s3, bucket):
    """Errors are those of the long way.

    Source: S3 API reference, "Error responses": NoSuchKey, NoSuchBucket.
    """
    with pytest.raises(s3.exceptions.NoSuchKey, match="key does not exist"):
        s3.get_object(Bucket=bucket, Key="nothing")
    with pytest.raises(s3.exceptions.NoSuchBucket, match="bucket does not exist"):
        s3.put_object(Bucket="no-such-bucket", Key="k", Body=b"")


def test_a_deleted_object_is_gone_from_reads_and_listings(s3, bucket):
    """A versioned bucket's delete marker hides the object on the short way too.

    Source: S3 user guide, "Working with delete markers".
    """
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=bucket, Key="k", Body=_BODY)
    s3.delete_object(Bucket=bucket, Key="k")

    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    with pytest.raises(s3.exceptions.NoSuchKey, match="key does not exist"):
        s3.get_object(Bucket=bucket, Key="k")


def test_a_listing_says_the_same_either_way(s3, bucket):
    """Keys with odd characters, sizes, ETags and dates are those of the long way, which FetchOwner takes."""
    for key in ("a/1.png", "a/2 ü&<>.png", "a+b", "z"):
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())

    plain = s3.list_objects_v2(Bucket=bucket, Prefix="a")
    with_option = s3.list_objects_v2(Bucket=bucket, Prefix="a", FetchOwner=True)

    for entry in with_option["Contents"]:
        del entry["Owner"]
    assert plain["Contents"] == with_option["Contents"]
    assert _facts(plain) == _facts(with_option)


@given(names=st.sets(st.text("ab/é ", min_size=1, max_size=6), max_size=7), size=st.integers(1, 4))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pages_hold_each_key_once_and_in_order(s3, names, size):
    """However many keys a page has, the pages together are the sorted names.

    Source: S3 API reference, ListObjectsV2: ContinuationToken, MaxKeys.
    """
    bucket = f"bucket-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=bucket)
    for name in names:
        s3.put_object(Bucket=bucket, Key=name, Body=b"")

    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, PaginationConfig={"PageSize": size})

    assert [entry["Key"] for page in pages for entry in page.get("Contents", [])] == sorted(names)


def test_a_listing_starts_after_a_name(s3, bucket):
    """StartAfter leaves out what comes before, and the name itself.

    Source: S3 API reference, ListObjectsV2: StartAfter.
    """
    for key in ("a", "b", "c"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"")

    answer = s3.list_objects_v2(Bucket=bucket, StartAfter="a")

    assert [entry["Key"] for entry in answer["Contents"]] == ["b", "c"]
    assert answer["StartAfter"] == "a"


def test_a_page_says_no_more_what_the_first_began_after(s3, bucket):
    """With a token StartAfter counts for nothing, and the answer has none.

    Source: S3 API reference, ListObjectsV2: StartAfter.
    """
    for key in ("a", "b", "c"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    first = s3.list_objects_v2(Bucket=bucket, StartAfter="a", MaxKeys=1)

    second = s3.list_objects_v2(
        Bucket=bucket, StartAfter="a", MaxKeys=1, ContinuationToken=first["NextContinuationToken"]
    )

    assert [entry["Key"] for entry in second["Contents"]] == ["c"]
    assert "StartAfter" not in second


def test_names_of_metadata_keep_their_underscores(s3, bucket):
    """A name with an underscore is another than one with a hyphen, either way."""
    metadata = {"water_mark": "1", "water-colour": "2"}
    s3.put_object(Bucket=bucket, Key="plain", Body=_BODY, Metadata=metadata)
    s3.put_object(Bucket=bucket, Key="optional", Body=_BODY, Metadata=metadata, ACL="private")

    assert s3.get_object(Bucket=bucket, Key="plain")["Metadata"] == metadata
    assert s3.head_object(Bucket=bucket, Key="optional")["Metadata"] == metadata


def test_parts_say_how_their_upload_is_encrypted(aws, s3, bucket):
    """The algorithm and the key stand in the answer to each part. Source: S3 API reference, UploadPart."""
    key = aws("kms").create_key()["KeyMetadata"]["Arn"]
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)

    part = s3.upload_part(Bucket=bucket, Key="k", PartNumber=1, UploadId=upload["UploadId"], Body=_BODY)

    assert (part["ServerSideEncryption"], part["SSEKMSKeyId"]) == ("aws:kms", key)


def test_an_upload_without_parts_is_not_completed(s3, bucket):
    """An empty list of parts does not fit S3's schema, which is what the error says."""
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]

    with pytest.raises(botocore.exceptions.ClientError, match="MalformedXML"):
        s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": []})
