"""Keys of KMS that objects are encrypted with.

Source: Amazon S3 user guide, "Troubleshooting server-side encryption with AWS KMS keys".
"""

import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

pytestmark = pytest.mark.account

NOT_FOUND = re.escape("(KMS.NotFoundException)")
MISSING = "arn:aws:kms:us-east-1:123456789012:key/5a2a0e5b-0000-4000-8000-000000000000"


@pytest.fixture
def s3(aws: Callable[[str], Any]) -> Any:
    """Give a client."""
    return aws("s3")


@pytest.fixture
def bucket(s3: Any) -> str:
    """Give a bucket with an object."""
    name = f"keys-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="source", Body=b"x")
    return name


@pytest.fixture
def key(aws: Callable[[str], Any]) -> str:
    """Give the ARN of a key."""
    arn: str = aws("kms").create_key()["KeyMetadata"]["Arn"]
    return arn


@pytest.mark.parametrize("name", [MISSING, "5a2a0e5b-0000-4000-8000-000000000000", "alias/none"])
def test_object_with_a_key_that_is_not_there_is_refused(s3: Any, bucket: str, name: str) -> None:
    """And nothing is stored."""
    with pytest.raises(ClientError, match=NOT_FOUND) as refused:
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=name)

    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 1


def test_upload_and_copy_with_a_missing_key_are_refused(s3: Any, bucket: str) -> None:
    """Each when it begins."""
    encrypted = {"Bucket": bucket, "Key": "k", "ServerSideEncryption": "aws:kms", "SSEKMSKeyId": MISSING}

    with pytest.raises(ClientError, match=NOT_FOUND):
        s3.create_multipart_upload(**encrypted)
    with pytest.raises(ClientError, match=NOT_FOUND):
        s3.copy_object(**encrypted, CopySource=f"{bucket}/source")


def test_key_of_a_bucket_is_looked_at_with_each_object(s3: Any, bucket: str) -> None:
    """PutBucketEncryption itself takes any. Source: S3 API reference, PutBucketEncryption."""
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": MISSING}}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})

    with pytest.raises(ClientError, match=NOT_FOUND):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x")

    assert s3.get_object(Bucket=bucket, Key="source")["Body"].read() == b"x"


@pytest.mark.parametrize("is_deleted", [False, True])
def test_key_out_of_use_is_refused(aws: Callable[[str], Any], s3: Any, bucket: str, key: str, is_deleted: bool) -> None:
    """Disabled, or waiting for its deletion; before, it encrypts."""
    encrypted = {"Bucket": bucket, "Key": "k", "Body": b"x", "ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
    assert s3.put_object(**encrypted)["SSEKMSKeyId"] == key
    if is_deleted:
        aws("kms").schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    else:
        aws("kms").disable_key(KeyId=key)

    code = "KMS.KMSInvalidStateException" if is_deleted else "KMS.DisabledException"
    with pytest.raises(ClientError, match=re.escape(f"({code})")):
        s3.put_object(**encrypted)


def test_key_of_aws_for_s3_is_always_there(s3: Any, bucket: str) -> None:
    """With its alias, or with none named."""
    encrypted = {"Bucket": bucket, "Body": b"x", "ServerSideEncryption": "aws:kms"}

    s3.put_object(**encrypted, Key="named", SSEKMSKeyId="alias/aws/s3")
    s3.put_object(**encrypted, Key="unnamed")

    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 3
