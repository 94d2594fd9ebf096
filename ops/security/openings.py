"""Functions and buckets in the stack's reach that somebody outside the account can use."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from ops.errors import error_code
from ops.preflight.readings import UnansweredError, ask
from ops.security.finding import Finding, Risk, unknown
from ops.security.policies import open_statements
from ops.session import Session

_BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
_READ_BUCKET = "s3:GetBucketPublicAccessBlock, s3:GetBucketPolicy and s3:GetBucketAcl"
_EVERYBODY = "acs.amazonaws.com/groups/global/"  # AllUsers and AuthenticatedUsers, which is anybody with an AWS account
_ABSENT = ("ResourceNotFoundException", "NoSuchBucketPolicy", "NoSuchPublicAccessBlockConfiguration")


def of_functions(session: Session, names: Iterable[str], qualifiers: Iterable[str]) -> list[Finding]:
    """Look at the policies and URLs of functions; `qualifiers` are aliases that may have policies of their own."""
    gathered: list[Finding] = []
    aliases = [{}, *({"Qualifier": qualifier} for qualifier in qualifiers)]
    for name in names:
        try:
            for alias in aliases:
                gathered += ask("lambda:GetPolicy", partial(_of_policy, session, name, alias))
            gathered += ask("lambda:ListFunctionUrlConfigs", partial(_of_urls, session, name))
        except UnansweredError as error:
            gathered.append(unknown(f"function {name}", error))
    return gathered


def of_buckets(session: Session, names: Iterable[str]) -> list[Finding]:
    """Look at who reaches each bucket from outside: its block, its policy, its access control list."""
    gathered: list[Finding] = []
    for name in names:
        try:
            gathered += ask(_READ_BUCKET, partial(_of_bucket, session.s3, name))
        except UnansweredError as error:
            gathered.append(unknown(f"bucket {name}", error))
    return gathered


def _of_policy(session: Session, name: str, alias: dict[str, str]) -> list[Finding]:
    document = _or_none(lambda: json.loads(session.functions.get_policy(FunctionName=name, **alias)["Policy"]))
    qualifier = "".join(f" --qualifier {value}" for value in alias.values())
    return [
        Finding(
            Risk.OPEN,
            f"function {name}",
            f"statement {sid!r} lets everybody invoke it",
            f"aws lambda remove-permission --function-name {name}{qualifier} --statement-id {sid}",
        )
        for sid in open_statements(document or {})
    ]


def _of_urls(session: Session, name: str) -> list[Finding]:
    pages = session.functions.get_paginator("list_function_url_configs").paginate(FunctionName=name)
    return [
        Finding(
            Risk.OPEN,
            f"function {name}",
            f"{config['FunctionUrl']} asks for no signature",
            f"aws lambda update-function-url-config --function-name {config['FunctionArn']} --auth-type AWS_IAM",
        )
        for page in pages
        for config in page["FunctionUrlConfigs"]
        if config["AuthType"] == "NONE"
    ]


def _of_bucket(s3: Any, name: str) -> list[Finding]:
    subject = f"bucket {name}"
    block = _or_none(lambda: s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]) or {}
    if all(block.get(member) for member in _BLOCKS):
        return []  # whatever policy and list say, nobody outside gets in
    every = ",".join(f"{member}=true" for member in _BLOCKS)
    close = f"aws s3api put-public-access-block --bucket {name} --public-access-block-configuration {every}"
    document = _or_none(lambda: json.loads(s3.get_bucket_policy(Bucket=name)["Policy"]))
    grants = s3.get_bucket_acl(Bucket=name)["Grants"]
    if open_statements(document or {}):
        return [Finding(Risk.OPEN, subject, "its policy lets everybody in", close)]
    if any(_EVERYBODY in grant["Grantee"].get("URI", "") for grant in grants):
        return [Finding(Risk.OPEN, subject, "its access control list lets everybody in", close)]
    missing = ", ".join(member for member in _BLOCKS if not block.get(member))
    return [Finding(Risk.BROAD, subject, f"a policy could open it: {missing} is not set", close)]


def _or_none(read: Any) -> Any:
    """Return what `read` returns; None where there is none."""
    try:
        return read()
    except ClientError as error:
        if error_code(error) in _ABSENT:
            return None
        raise
