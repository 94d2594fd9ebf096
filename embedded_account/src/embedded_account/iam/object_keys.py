"""Whether a caller may use the keys of KMS of the objects that a request to S3 reads and writes.

S3 asks KMS in the caller's name, so the caller's policies and the key's decide. The key that AWS keeps for S3 may be
used by whoever may use the object.
Source: S3 API reference, "Permissions" of each operation on objects; S3 user guide, "Using server-side encryption with
AWS KMS keys" and "Reducing the cost of SSE-KMS with Amazon S3 Bucket Keys"; KMS developer guide, "AWS managed keys".
"""

from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote

from embedded_account.account import Account
from embedded_account.errors import ServiceError
from embedded_account.iam.actions.rules import Need
from embedded_account.iam.actions.s3 import S3Request, is_of_content
from embedded_account.iam.key_contexts import key_context
from embedded_account.iam.permissions import Permissions
from embedded_account.identity import Principal
from embedded_account.kms.keys import Key, Keys

OF_AWS = "alias/aws/s3"  # the key that AWS keeps for S3 in each account
_READS, _WRITES = "kms:Decrypt", "kms:GenerateDataKey"
_REFUSALS = {
    "Disabled": ("KMS.DisabledException", "{} is disabled."),
    "PendingDeletion": ("KMS.KMSInvalidStateException", "{} is pending deletion."),
}
_HEADER = "HTTP_X_AMZ_SERVER_SIDE_ENCRYPTION"


class _Encryption(NamedTuple):
    """How something is encrypted: by S3's algorithm, with the key `key_name`, for the ARN of the object or bucket."""

    algorithm: str
    key_name: str
    arn: str


def state_refusal(key: Key) -> tuple[str, str] | None:
    """Return the code and the message of S3's refusal of a key that is out of use; None for one in use."""
    code, message = _REFUSALS.get(key.state, ("", ""))
    return (code, message.format(key.arn)) if code else None


class ObjectKeys:
    """Asks for the keys of objects."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._keys = account.singleton(Keys)
        self._permissions = account.singleton(Permissions)

    def require(self, caller: Principal, request: S3Request) -> None:
        """Return when `caller` may use each key that `request` needs.

        Raises:
            ServiceError: it may not, or a key of what is read is out of use.
        """
        for action, encryption in self._uses(request):
            self._require(caller, action, encryption)

    def require_to_read(self, caller: Principal, version: Any) -> None:
        """Return when `caller` may use the key of a version of an object.

        Raises:
            ServiceError: as `require`.
        """
        self._require(caller, _READS, _of_version(version))

    def _uses(self, request: S3Request) -> Iterator[tuple[str, _Encryption]]:
        """Yield what a request does with keys, and with which."""
        if not request.key or not is_of_content(request):
            return
        source = parse_source(request.environ.get("HTTP_X_AMZ_COPY_SOURCE", "")) if request.method == "PUT" else None
        for version in (self._version(*source) if source else None, self._read(request)):
            if version is not None:
                yield _READS, _of_version(version)
        bucket = self._bucket(request.bucket)
        if bucket is None:
            return
        if "uploadId" in request.query:
            upload = bucket.multiparts.get(request.query["uploadId"])
            if request.method == "PUT" and upload is not None:
                yield _READS, _of_new(bucket, upload.key_name, upload.sse_encryption, upload.kms_key_id, None)
        elif request.method == "PUT" or "uploads" in request.query:
            given = [request.environ.get(f"{_HEADER}{part}") for part in ("", "_AWS_KMS_KEY_ID", "_BUCKET_KEY_ENABLED")]
            yield _WRITES, _of_new(bucket, request.key, *given)

    def _read(self, request: S3Request) -> Any:
        """Return the version whose content a request reads; None where it reads none."""
        is_with_checksum = request.method == "HEAD" and "HTTP_X_AMZ_CHECKSUM_MODE" in request.environ
        if request.method == "GET" or is_with_checksum or "select" in request.query:
            return self._version(request.bucket, request.key, request.query.get("versionId", ""))
        return None

    def _version(self, bucket_name: str, key: str, version_id: str) -> Any:
        bucket = self._bucket(bucket_name)
        versions = bucket.keys.getlist(key, []) if bucket else []
        if version_id:
            return next((one for one in versions if str(one.version_id) == version_id), None)
        return versions[-1] if versions else None

    def _bucket(self, name: str) -> Any:
        from moto.s3.models import s3_backends

        return s3_backends[self._account.account_id]["aws"].buckets.get(name)

    def _require(self, caller: Principal, action: str, encryption: _Encryption) -> None:
        name = encryption.key_name
        if not encryption.algorithm.startswith("aws:kms") or not name or name.endswith(OF_AWS):
            return
        key = self._keys.find(name)
        if key is None and action == _READS:
            raise ServiceError("AccessDenied", f"The ciphertext refers to a key that does not exist: {name}")
        refused = state_refusal(key) if key and action == _READS else None
        if refused:
            raise ServiceError(*refused)
        if key is not None:  # one that is not there is refused where the object is made
            context = key_context(self._account, "s3", "aws:s3:arn", encryption.arn)
            self._permissions.require(caller, Need(action, key.arn, context), "s3")


def parse_source(header: str) -> tuple[str, str, str] | None:
    """Return the bucket, the key and the version of a header that names what is copied; None where there is none."""
    path, _, query = header.partition("?")
    bucket, _, key = unquote(path).lstrip("/").partition("/")
    version_id = parse_qs(query).get("versionId", [""])[0]
    return (bucket, key, version_id) if key else None


def _of_version(version: Any) -> _Encryption:
    """Return how a version is encrypted; a delete marker is not."""
    algorithm, name = getattr(version, "encryption", None) or "", getattr(version, "kms_key_id", None) or ""
    has_bucket_key = _is_true(getattr(version, "bucket_key_enabled", None))
    return _Encryption(algorithm, name, _arn(getattr(version, "bucket_name", ""), version.name, has_bucket_key))


def _of_new(bucket: Any, key: str, algorithm: str | None, name: str | None, has_bucket_key: Any) -> _Encryption:
    """Return how an object is encrypted of which a request says so much; the bucket says the rest."""
    rule = (bucket.encryption or {}).get("Rule") or {}
    default = rule.get("ApplyServerSideEncryptionByDefault") or {}
    algorithm = algorithm or default.get("SSEAlgorithm") or ""
    has_bucket_key = _is_true(has_bucket_key) or _is_true(rule.get("BucketKeyEnabled"))
    return _Encryption(algorithm, name or default.get("KMSMasterKeyID") or "", _arn(bucket.name, key, has_bucket_key))


def _arn(bucket: str, key: str, has_bucket_key: bool) -> str:
    return f"arn:aws:s3:::{bucket}" if has_bucket_key else f"arn:aws:s3:::{bucket}/{key}"


def _is_true(value: Any) -> bool:
    return str(value).lower() == "true"
