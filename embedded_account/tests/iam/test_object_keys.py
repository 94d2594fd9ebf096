"""An object with a key of KMS is read and written by whoever may use the key, and by nobody else.

Source: Amazon S3 user guide, "Using server-side encryption with AWS KMS keys".
"""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from embedded_account.pytest_plugin import RunningAccount
from support.callers import Caller, allowed

pytestmark = pytest.mark.account

ROOT = {"AWS": "arn:aws:iam::123456789012:root"}
S3 = allowed("s3:*")


@pytest.fixture
def key(account: RunningAccount) -> str:
    """Give the ARN of a key that leaves its use to IAM."""
    arn: str = account.client("kms").create_key()["KeyMetadata"]["Arn"]
    return arn


@pytest.fixture
def bucket(account: RunningAccount, key: str) -> str:
    """Give a bucket whose objects are encrypted with the key, with one object."""
    s3, name = account.client("s3"), f"encrypted-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=name)
    set_default(s3, name, key)
    s3.put_object(Bucket=name, Key="kept", Body=b"content")
    return name


def set_default(s3: Any, bucket: str, key: str, **more: bool) -> None:
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    rule = {"ApplyServerSideEncryptionByDefault": default, **more}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})


def refusal(request: Callable[[], Any]) -> str:
    """Return the message with which S3 denies a request."""
    with pytest.raises(ClientError, match="AccessDenied") as refused:
        request()
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    message: str = refused.value.response["Error"]["Message"]
    return message


def test_role_that_may_not_decrypt_reads_nothing(account: RunningAccount, bucket: str, key: str) -> None:
    """It may read the object, and is denied for the key."""
    reader = Caller(account, S3)

    told = refusal(lambda: reader.client("s3").get_object(Bucket=bucket, Key="kept"))

    assert told == (
        f"User: {reader.arn} is not authorized to perform: kms:Decrypt on resource: {key} because no identity-based"
        " policy allows the kms:Decrypt action"
    )
    reader.allow(S3, allowed("kms:Decrypt", key))
    assert reader.client("s3").get_object(Bucket=bucket, Key="kept")["Body"].read() == b"content"


def test_role_that_may_not_make_data_keys_writes_nothing(account: RunningAccount, bucket: str, key: str) -> None:
    """By a key that the bucket has, or that the request names."""
    writer = Caller(account, S3, allowed("kms:Decrypt", key))
    s3, named = writer.client("s3"), {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
    account.client("s3").create_bucket(Bucket=f"{bucket}-plain")

    assert "kms:GenerateDataKey" in refusal(lambda: s3.put_object(Bucket=bucket, Key="k", Body=b"x"))
    assert "kms:GenerateDataKey" in refusal(
        lambda: s3.put_object(Bucket=f"{bucket}-plain", Key="k", Body=b"x", **named)
    )
    assert "kms:GenerateDataKey" in refusal(lambda: s3.create_multipart_upload(Bucket=bucket, Key="k"))

    writer.allow(S3, allowed("kms:GenerateDataKey", key))
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")


def test_parts_of_an_upload_need_to_be_decrypted(account: RunningAccount, bucket: str, key: str) -> None:
    """S3 reads them again to make one object of them. Source: S3 API reference, CreateMultipartUpload."""
    writer = Caller(account, S3, allowed("kms:GenerateDataKey", key))
    s3 = writer.client("s3")
    upload = {"Bucket": bucket, "Key": "k", "UploadId": s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]}

    assert "kms:Decrypt" in refusal(lambda: s3.upload_part(**upload, PartNumber=1, Body=b"x"))

    writer.allow(S3, allowed(["kms:GenerateDataKey", "kms:Decrypt"], key))
    part = {"PartNumber": 1, "ETag": s3.upload_part(**upload, PartNumber=1, Body=b"x")["ETag"]}
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [part]})


def test_copy_needs_the_keys_of_both_sides(account: RunningAccount, bucket: str, key: str) -> None:
    """To read the one with its key, and to write the other with its own."""
    copier = Caller(account, S3, allowed("kms:GenerateDataKey", key))
    copy = {"Bucket": bucket, "Key": "copy", "CopySource": f"{bucket}/kept"}
    assert "kms:Decrypt" in refusal(lambda: copier.client("s3").copy_object(**copy))

    copier.allow(S3, allowed("kms:Decrypt", key))
    assert "kms:GenerateDataKey" in refusal(lambda: copier.client("s3").copy_object(**copy))

    copier.allow(S3, allowed(["kms:GenerateDataKey", "kms:Decrypt"], key))
    copier.client("s3").copy_object(**copy)


def test_what_is_told_of_an_object_needs_no_key(account: RunningAccount, bucket: str) -> None:
    """But its checksum does. Source: S3 API reference, HeadObject, "Permissions"."""
    s3 = Caller(account, S3).client("s3")

    assert s3.head_object(Bucket=bucket, Key="kept")["ContentLength"] == 7
    assert s3.get_object_tagging(Bucket=bucket, Key="kept")["TagSet"] == []
    with pytest.raises(ClientError, match="403"):
        s3.head_object(Bucket=bucket, Key="kept", ChecksumMode="ENABLED")
    s3.delete_object(Bucket=bucket, Key="kept")


def test_version_is_read_with_its_own_key(account: RunningAccount, bucket: str, key: str) -> None:
    """And with no other that the bucket has by now."""
    root = account.client("s3")
    root.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    other = account.client("kms").create_key()["KeyMetadata"]["Arn"]
    versions = []
    for one in (key, other):
        set_default(root, bucket, one)
        versions.append(root.put_object(Bucket=bucket, Key="k", Body=one.encode())["VersionId"])
    s3 = Caller(account, S3, allowed("kms:Decrypt", key)).client("s3")

    assert s3.get_object(Bucket=bucket, Key="k", VersionId=versions[0])["Body"].read() == key.encode()
    assert other in refusal(lambda: s3.get_object(Bucket=bucket, Key="k"))


def test_key_of_aws_is_used_by_whoever_may_use_the_object(account: RunningAccount, bucket: str) -> None:
    """Its policy lets everybody in the account. Source: KMS developer guide, "AWS managed keys"."""
    s3 = Caller(account, S3).client("s3")
    account.client("s3").create_bucket(Bucket=f"{bucket}-managed")

    s3.put_object(Bucket=f"{bucket}-managed", Key="k", Body=b"x", ServerSideEncryption="aws:kms")

    assert s3.get_object(Bucket=f"{bucket}-managed", Key="k")["Body"].read() == b"x"


@pytest.mark.parametrize(("has_bucket_key", "source"), [(False, "{}/kept"), (True, "{}")])
def test_key_knows_for_what_s3_asks(
    account: RunningAccount, bucket: str, key: str, has_bucket_key: bool, source: str
) -> None:
    """For the object, or for the bucket where that has a key for all.

    Source: S3 user guide, "Reducing the cost of SSE-KMS with Amazon S3 Bucket Keys".
    """
    root = account.client("s3")
    set_default(root, bucket, key, BucketKeyEnabled=has_bucket_key)
    root.put_object(Bucket=bucket, Key="kept", Body=b"content")
    context = {
        "kms:EncryptionContext:aws:s3:arn": f"arn:aws:s3:::{source.format(bucket)}",
        "kms:ViaService": "s3.us-east-1.amazonaws.com",
    }
    fitting = Caller(account, S3, allowed("kms:Decrypt", key, Condition={"StringEquals": context}))
    other = {**context, "kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::another"}
    unlike = Caller(account, S3, allowed("kms:Decrypt", key, Condition={"StringEquals": other}))

    assert fitting.client("s3").get_object(Bucket=bucket, Key="kept")["Body"].read() == b"content"
    assert "kms:Decrypt" in refusal(lambda: unlike.client("s3").get_object(Bucket=bucket, Key="kept"))


def test_policy_of_the_key_decides_too(account: RunningAccount, bucket: str, key: str) -> None:
    """Even over root, whom it does not name for it."""
    ruling = {"Effect": "Allow", "Principal": ROOT, "Action": ["kms:Put*", "kms:GenerateDataKey"], "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [ruling]})

    account.client("kms").put_key_policy(KeyId=key, Policy=document)

    told = refusal(lambda: account.client("s3").get_object(Bucket=bucket, Key="kept"))
    assert "no resource-based policy allows the kms:Decrypt action" in told


def test_object_whose_key_is_out_of_use_is_not_read(account: RunningAccount, bucket: str, key: str) -> None:
    """Source: S3 user guide, "Troubleshooting server-side encryption with AWS KMS keys"."""
    account.client("kms").disable_key(KeyId=key)

    with pytest.raises(ClientError, match=r"\(KMS.DisabledException\).*is disabled") as refused:
        account.client("s3").get_object(Bucket=bucket, Key="kept")
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400

    account.client("kms").enable_key(KeyId=key)
    assert account.client("s3").get_object(Bucket=bucket, Key="kept")["Body"].read() == b"content"
