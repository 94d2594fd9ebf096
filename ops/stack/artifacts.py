"""The artifacts bucket: code, layer, template; encrypted, private, TLS only, made when it is missing.

It is emptied and never deleted: S3 holds the name of a deleted bucket, for hours at worst, and the next `up` needs it.
"""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from ops.console import say
from ops.errors import StackError, error_code
from ops.packaging.archive import content_hash
from ops.packaging.bundle import Asset, Bundle
from ops.session import Session

if TYPE_CHECKING:
    from mypy_boto3_s3.literals import BucketLocationConstraintType

_MAX_BUCKET_NAME = 63
_BUSY_SECONDS = 600.0


def bucket_name(session: Session) -> str:
    """Return the name of the stack's artifacts bucket.

    Raises:
        StackError: S3 allows no name that long.
    """
    name = f"{session.stack_name.lower()}-artifacts-{session.account_id}-{session.region}"
    if len(name) > _MAX_BUCKET_NAME:
        raise StackError(f"bucket name {name!r}: {len(name)} characters, S3 allows 63; use a shorter --stack-name")
    return name


def publish(session: Session, bundle: Bundle, undo: ExitStack) -> str:
    """Upload `bundle` and its packaged template, make the bucket if needed, and return the template's URL.

    What is uploaded here is registered with `undo`, so that a refused plan leaves an empty bucket at most.
    """
    bucket = bucket_name(session)
    if not exists(session, bucket):
        _create_when_free(session, bucket)
        _protect(session, bucket)
    template = bundle.packaged_template(bucket).encode()
    template_asset = Asset(f"templates/{content_hash(template)}.yaml", template)
    for asset in (*bundle.assets, template_asset):
        _put_missing(session, bucket, asset, undo)
    return _url(session, bucket, template_asset.key)


def source_s3_uri(session: Session, bundle: Bundle) -> str:
    """Return where the training source of `bundle` lies once it is published."""
    return f"s3://{bucket_name(session)}/{bundle.source_key}"


def exists(session: Session, bucket: str) -> bool:
    """Tell whether `bucket` exists and is this account's.

    Raises:
        StackError: another account has it, so that what is put there would be theirs.
    """
    try:
        session.s3.head_bucket(Bucket=bucket, ExpectedBucketOwner=session.account_id)
    except ClientError as error:
        if error_code(error) in {"404", "NoSuchBucket"}:
            return False
        if error_code(error) == "403":
            raise StackError(
                f"bucket {bucket!r}: not this account's, or not allowed; use another --stack-name"
            ) from error
        raise
    return True


def empty(session: Session, bucket: str) -> int:
    """Delete every object version of `bucket`; return how many there were.

    Raises:
        StackError: some could not be deleted, with their keys.
    """
    num_deleted, refused = 0, []
    for page in session.s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        entries = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        versions: Any = [{"Key": entry["Key"], "VersionId": entry["VersionId"]} for entry in entries]
        if versions:
            answer = session.s3.delete_objects(Bucket=bucket, Delete={"Objects": versions, "Quiet": True})
            refused += answer.get("Errors", [])
        num_deleted += len(versions)
    if refused:
        first = ", ".join(f"{entry.get('Key')} ({entry.get('Code')})" for entry in refused[:10])
        raise StackError(
            f"bucket {bucket!r}: {len(refused)} objects could not be deleted: {first}; delete them by hand"
        )
    return num_deleted


def _create_when_free(session: Session, bucket: str) -> None:
    """Create the bucket; while S3 is still busy with one of this name, which was just deleted, wait and try again.

    Raises:
        StackError: it stays busy.
    """
    deadline, is_told = time.monotonic() + _BUSY_SECONDS, False
    while True:
        try:
            _create(session, bucket)
        except ClientError as error:
            if error_code(error) != "OperationAborted":
                raise
            if time.monotonic() > deadline:
                raise StackError(
                    f"bucket {bucket!r}: OperationAborted, S3 is busy with a deleted bucket of this name, which may"
                    " take hours; run the command again later, or use another --stack-name"
                ) from error
        else:
            return
        if not is_told:
            say(f"bucket {bucket!r}: S3 is still busy with a bucket of this name; waiting to try again ...")
            is_told = True
        time.sleep(session.poll_seconds)


def _create(session: Session, bucket: str) -> None:
    if session.region == "us-east-1":
        session.s3.create_bucket(Bucket=bucket)
    else:
        constraint: BucketLocationConstraintType = session.region  # type: ignore[assignment]
        session.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": constraint})


def _protect(session: Session, bucket: str) -> None:
    session.s3.put_public_access_block(
        Bucket=bucket,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": True,
            "RestrictPublicBuckets": True,
        },
    )
    session.s3.put_bucket_encryption(
        Bucket=bucket,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
        },
    )
    session.s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(_tls_only(session, bucket)))


def _tls_only(session: Session, bucket: str) -> dict[str, Any]:
    arn = f"arn:{partition(session.region)}:s3:::{bucket}"
    statement = {
        "Sid": "DenyInsecureTransport",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn, f"{arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def _put_missing(session: Session, bucket: str, asset: Asset, undo: ExitStack) -> None:
    try:
        session.s3.head_object(Bucket=bucket, Key=asset.key, ExpectedBucketOwner=session.account_id)
    except ClientError as error:
        if error_code(error) not in {"404", "NoSuchKey"}:
            raise
    else:
        return
    undo.callback(lambda: session.s3.delete_object(Bucket=bucket, Key=asset.key))
    session.s3.put_object(Bucket=bucket, Key=asset.key, Body=asset.content, ExpectedBucketOwner=session.account_id)


def partition(region: str) -> str:
    """Return the ARN partition of `region`."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


def _url(session: Session, bucket: str, key: str) -> str:
    if session.is_local:
        return f"{session.url}/{bucket}/{key}"
    suffix = "amazonaws.com.cn" if session.region.startswith("cn-") else "amazonaws.com"
    return f"https://{bucket}.s3.{session.region}.{suffix}/{key}"
