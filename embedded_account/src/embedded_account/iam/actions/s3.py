"""S3: which actions on which resources an HTTP request needs.

Source: Amazon S3 user guide, "Required permissions for Amazon S3 API operations"; Service Authorization Reference,
"Amazon S3".
"""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, unquote

from embedded_account.iam.actions.rules import Need
from embedded_account.iam.context import Value
from embedded_account.iam.deletions import targets
from embedded_account.iam.signatures import raw_path
from embedded_account.identity import ACCOUNT_ID

# The part of the query that makes an operation, by what it is asked of: the actions for GET, PUT and DELETE.
_BUCKET_PARTS: dict[str, tuple[str, str, str]] = {
    "accelerate": ("GetAccelerateConfiguration", "PutAccelerateConfiguration", ""),
    "acl": ("GetBucketAcl", "PutBucketAcl", ""),
    "cors": ("GetBucketCORS", "PutBucketCORS", "PutBucketCORS"),
    "encryption": ("GetEncryptionConfiguration", "PutEncryptionConfiguration", "PutEncryptionConfiguration"),
    "inventory": ("GetInventoryConfiguration", "PutInventoryConfiguration", "PutInventoryConfiguration"),
    "lifecycle": ("GetLifecycleConfiguration", "PutLifecycleConfiguration", "PutLifecycleConfiguration"),
    "location": ("GetBucketLocation", "", ""),
    "logging": ("GetBucketLogging", "PutBucketLogging", ""),
    "notification": ("GetBucketNotification", "PutBucketNotification", ""),
    "object-lock": ("GetBucketObjectLockConfiguration", "PutBucketObjectLockConfiguration", ""),
    "ownershipControls": ("GetBucketOwnershipControls", "PutBucketOwnershipControls", "PutBucketOwnershipControls"),
    "policy": ("GetBucketPolicy", "PutBucketPolicy", "DeleteBucketPolicy"),
    "policyStatus": ("GetBucketPolicyStatus", "", ""),
    "publicAccessBlock": ("GetBucketPublicAccessBlock", "PutBucketPublicAccessBlock", "PutBucketPublicAccessBlock"),
    "replication": ("GetReplicationConfiguration", "PutReplicationConfiguration", "PutReplicationConfiguration"),
    "tagging": ("GetBucketTagging", "PutBucketTagging", "PutBucketTagging"),
    "uploads": ("ListBucketMultipartUploads", "", ""),
    "versioning": ("GetBucketVersioning", "PutBucketVersioning", ""),
    "versions": ("ListBucketVersions", "", ""),
    "website": ("GetBucketWebsite", "PutBucketWebsite", "DeleteBucketWebsite"),
}
_OBJECT_PARTS: dict[str, tuple[str, str, str]] = {
    "acl": ("GetObjectAcl", "PutObjectAcl", ""),
    "attributes": ("GetObject", "", ""),
    "legal-hold": ("GetObjectLegalHold", "PutObjectLegalHold", ""),
    "retention": ("GetObjectRetention", "PutObjectRetention", ""),
    "tagging": ("GetObjectTagging", "PutObjectTagging", "DeleteObjectTagging"),
}
_POSTS = {"uploads": "PutObject", "uploadId": "PutObject", "select": "GetObject", "restore": "RestoreObject"}
_VERSIONED = {"GetObject", "DeleteObject", "GetObjectAcl", "PutObjectAcl", "GetObjectTagging", "PutObjectTagging"}
_METHODS = {"GET": 0, "HEAD": 0, "PUT": 1, "DELETE": 2}
# Operations of S3 that the account refuses, since nothing here carries them out: moto would take each for the plain
# operation on the bucket or the object.
_REFUSED_PARTS = frozenset(
    {
        "abac", "analytics", "intelligent-tiering", "metadataAnnotationTable", "metadataConfiguration",
        "metadataInventoryTable", "metadataJournalTable", "metadataTable", "metrics", "renameObject", "requestPayment",
        "session", "torrent",
    }
)  # fmt: skip
_REFUSED_OBJECT_PARTS = frozenset({"encryption"})
_CONTEXT_PARAMETERS = {"prefix": "s3:prefix", "delimiter": "s3:delimiter", "max-keys": "s3:max-keys"}
_CONTEXT_HEADERS = (
    "x-amz-acl",
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-storage-class",
    "x-amz-copy-source",
    "x-amz-metadata-directive",
    "x-amz-content-sha256",
    "x-amz-grant-full-control",
    "x-amz-grant-read",
    "x-amz-grant-read-acp",
    "x-amz-grant-write",
    "x-amz-grant-write-acp",
    "x-amz-website-redirect-location",
    "x-amz-object-ownership",
)
_OF_HEADERS = {f"HTTP_{name.upper().replace('-', '_')}": f"s3:{name}" for name in _CONTEXT_HEADERS}
_CONDITIONAL_HEADERS = {"HTTP_IF_MATCH": "s3:if-match", "HTTP_IF_NONE_MATCH": "s3:if-none-match"}
_TAG = re.compile(rb"<Key>(.*?)</Key>\s*<Value>(.*?)</Value>", re.DOTALL)


class UnknownOperationError(ValueError):
    """A request that is none of S3's operations, or none that is carried out; the message names it."""


@dataclass(frozen=True)
class S3Request:
    """An HTTP request to S3, taken apart."""

    method: str
    bucket: str
    key: str
    query: Mapping[str, str]
    environ: Mapping[str, Any]

    @classmethod
    def of(cls, environ: Mapping[str, Any]) -> "S3Request":
        """Return the request in `environ`; the bucket is the first part of the path."""
        bucket, _, key = raw_path(environ).lstrip("/").partition("/")
        raw_query = environ.get("QUERY_STRING", "")
        query = {name: values[0] for name, values in parse_qs(raw_query, keep_blank_values=True).items()}
        return cls(environ["REQUEST_METHOD"], unquote(bucket), unquote(key), query, environ)

    @property
    def arn(self) -> str:
        """The ARN of the object, or of the bucket."""
        return f"arn:aws:s3:::{self.bucket}/{self.key}" if self.key else f"arn:aws:s3:::{self.bucket}"


def needs(request: S3Request, body: bytes | None = None) -> list[Need]:
    """Return what `request` needs to be allowed. `body` is there where `reads_body` says so.

    Raises:
        UnknownOperationError: S3 has no such operation, or the account does not carry it out.
    """
    parts = _REFUSED_PARTS | _REFUSED_OBJECT_PARTS if request.key else _REFUSED_PARTS
    refused = sorted(parts & set(request.query))
    if refused:
        raise UnknownOperationError(f"{request.method} ?{refused[0]}")
    context = _context(request, body)
    if not request.bucket:
        return [Need("s3:ListAllMyBuckets", "*", context)]
    if request.key:
        return [Need(f"s3:{action}", resource, context) for action, resource in _on_object(request)]
    if request.method == "POST":
        return _deletions(request, body or b"", context)
    return [Need(f"s3:{_on_bucket(request)}", request.arn, context)]


def _on_bucket(request: S3Request) -> str:
    method = _METHODS.get(request.method)
    part = next((name for name in request.query if name in _BUCKET_PARTS), None)
    if method is None:
        raise UnknownOperationError(f"{request.method} on a bucket")
    if part is None:
        return ("ListBucket", "CreateBucket", "DeleteBucket")[method]
    action = _BUCKET_PARTS[part][method]
    if not action:
        raise UnknownOperationError(f"{request.method} ?{part}")
    return action


def _on_object(request: S3Request) -> list[tuple[str, str]]:
    if request.method == "POST":
        action = next((action for name, action in _POSTS.items() if name in request.query), "")
        if not action:
            raise UnknownOperationError("POST on an object")
        return [(action, request.arn)]
    method = _METHODS.get(request.method)
    if method is None:
        raise UnknownOperationError(f"{request.method} on an object")
    part = next((name for name in request.query if name in _OBJECT_PARTS), None)
    action = _OBJECT_PARTS[part][method] if part else ("GetObject", "PutObject", "DeleteObject")[method]
    if not action:
        raise UnknownOperationError(f"{request.method} ?{part}")
    if "uploadId" in request.query and not part:
        action = ("ListMultipartUploadParts", "PutObject", "AbortMultipartUpload")[method]
    if "versionId" in request.query and action in _VERSIONED:
        action = action.replace("Object", "ObjectVersion", 1)
    return [(action, request.arn), *_beside(request, action)]


def _beside(request: S3Request, action: str) -> list[tuple[str, str]]:
    """Return what an upload needs as well: to read what it copies, to tag, to set an ACL."""
    if action != "PutObject":
        return []
    headers, more = request.environ, []
    source = unquote(headers.get("HTTP_X_AMZ_COPY_SOURCE", "")).lstrip("/").partition("?")
    if source[0]:
        more.append(("GetObjectVersion" if source[2] else "GetObject", f"arn:aws:s3:::{source[0]}"))
    if headers.get("HTTP_X_AMZ_TAGGING"):
        more.append(("PutObjectTagging", request.arn))
    if headers.get("HTTP_X_AMZ_ACL") or any(name.startswith("HTTP_X_AMZ_GRANT_") for name in headers):
        more.append(("PutObjectAcl", request.arn))
    return more


def _deletions(request: S3Request, body: bytes, context: Mapping[str, Value]) -> list[Need]:
    if "delete" not in request.query:
        raise UnknownOperationError("POST on a bucket")
    return [
        Need(f"s3:{'DeleteObjectVersion' if version else 'DeleteObject'}", f"{request.arn}/{key}", context)
        for key, version in targets(body)
    ]


def is_of_content(request: S3Request) -> bool:
    """Return whether a request is about an object's content, and not about what belongs to it."""
    return not any(part in _OBJECT_PARTS for part in request.query)


def reads_body(method: str, key: str, query: Mapping[str, str]) -> bool:
    """Return whether the body decides on a request: the keys to delete, the tags or the policy to put."""
    return (method == "POST" and not key) or (method == "PUT" and not {"tagging", "policy"}.isdisjoint(query))


def _context(request: S3Request, body: bytes | None) -> dict[str, Value]:
    environ, query = request.environ, request.query
    context: dict[str, Value] = {key: query[name] for name, key in _CONTEXT_PARAMETERS.items() if name in query}
    context |= {key: environ[name] for name, key in _CONDITIONAL_HEADERS.items() if environ.get(name)}
    context |= _signing(request)
    if "versionId" in query:
        context["s3:VersionId"] = query["versionId"]
    context |= {key: environ[name] for name, key in _OF_HEADERS.items() if environ.get(name)}
    if environ.get("HTTP_X_AMZ_TAGGING"):
        tags = parse_qs(environ["HTTP_X_AMZ_TAGGING"], keep_blank_values=True)
        context |= _of_tags({key: values[0] for key, values in tags.items()}, of_object=True)
    if "tagging" in query and body is not None:
        object_tags = {key.decode(): value.decode() for key, value in _TAG.findall(body)}
        context |= _of_tags(object_tags, of_object=bool(request.key))
    return context


def _of_tags(tags: Mapping[str, str], *, of_object: bool) -> dict[str, Value]:
    """Return the condition keys of the tags in a request; those of objects have names of their own."""
    prefix, names = (
        ("s3:RequestObjectTag", "s3:RequestObjectTagKeys") if of_object else ("aws:RequestTag", "aws:TagKeys")
    )
    return {names: list(tags)} | {f"{prefix}/{key}": value for key, value in tags.items()}


def _signing(request: S3Request) -> dict[str, Value]:
    """Return how a request is signed. Source: Amazon S3 API reference, "Signature Version 4 policy keys"."""
    context: dict[str, Value] = {"s3:ResourceAccount": ACCOUNT_ID}
    if "embedded_account.signed_by" in request.environ:  # the form of an upload
        return context | {"s3:authType": "POST", "s3:signatureversion": request.environ["embedded_account.signed_by"]}
    if request.environ.get("HTTP_AUTHORIZATION"):
        return context | {"s3:authType": "REST-HEADER", "s3:signatureversion": "AWS4-HMAC-SHA256"}
    is_newer = "X-Amz-Signature" in request.query
    context |= {
        "s3:authType": "REST-QUERY-STRING",
        "s3:signatureversion": "AWS4-HMAC-SHA256" if is_newer else "AWS",
    }
    try:
        signed_at = datetime.strptime(request.query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except (KeyError, ValueError):
        return context
    return context | {"s3:signatureAge": str(max(0, int((time.time() - signed_at) * 1000)))}
