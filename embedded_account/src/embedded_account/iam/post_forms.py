"""Who signed the form of a browser's upload, by Signature Version 4 or, as boto3 does for us-east-1, Version 2.

Source: Amazon S3 API reference, "Authenticating Requests: Browser-Based Uploads Using POST"; user guide, the same for
Signature Version 2.
"""

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from embedded_account.account import Account
from embedded_account.iam.authentication import owner_of
from embedded_account.iam.errors import NotAuthenticatedError
from embedded_account.iam.s3_answers import S3Error, missing_field
from embedded_account.iam.signatures import signing_key
from embedded_account.identity import Credentials, Principal

_ALGORITHM = "AWS4-HMAC-SHA256"
_FIELDS = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "Policy", "X-Amz-Signature")
_OLDER_FIELDS = ("AWSAccessKeyId", "Policy", "Signature")


@dataclass(frozen=True)
class SignedForm:
    """Whose form it is, and the scope of the key that it was signed with."""

    principal: Principal
    scope: str
    is_older: bool


def authenticate_form(account: Account, fields: Mapping[str, str]) -> SignedForm:
    """Return who signed the policy in `fields`, which are a form's by their names in lower case.

    Raises:
        S3Error: a field is missing, or the signature is not the policy's.
        NotAuthenticatedError: the key is not known, or not any more.
    """
    is_newer = any(name.lower() in fields for name in _FIELDS if name != "Policy")
    if not is_newer and not {"awsaccesskeyid", "signature"} & set(fields):
        raise NotAuthenticatedError("Missing", "the form is not signed")
    for name in _FIELDS if is_newer else _OLDER_FIELDS:
        if name.lower() not in fields:
            raise missing_field(name)
    scope = _scope(fields) if is_newer else (fields["awsaccesskeyid"], "20060301", account.region, "s3")
    principal, credentials = owner_of(account, scope[0])
    if (credentials.session_token or "") != fields.get("x-amz-security-token", ""):
        raise NotAuthenticatedError("UnknownKey", "the security token is not the one of the access key")
    _check_signature(fields, credentials, scope if is_newer else None)
    if account.sessions.has_expired(credentials):
        raise NotAuthenticatedError("Expired", "the session has expired")
    return SignedForm(principal, "/".join((*scope, "aws4_request")), not is_newer)


def _scope(fields: Mapping[str, str]) -> tuple[str, str, str, str]:
    """Return access key, date, region and service of a form's credential."""
    parts = fields["x-amz-credential"].split("/")
    is_scope = len(parts) == 5 and parts[3:] == ["s3", "aws4_request"]
    if fields["x-amz-algorithm"] != _ALGORITHM or not is_scope or not fields["x-amz-date"].startswith(parts[1]):
        raise NotAuthenticatedError("Incomplete", "the form's credential is not one of Signature Version 4")
    return parts[0], parts[1], parts[2], parts[3]


def _check_signature(
    fields: Mapping[str, str], credentials: Credentials, scope: tuple[str, str, str, str] | None
) -> None:
    text, secret = fields["policy"].encode(), credentials.secret_access_key
    if scope is not None:
        provided = fields["x-amz-signature"]
        expected = hmac.digest(signing_key(secret, *scope[1:]), text, "sha256").hex()
    else:
        provided = fields["signature"]
        expected = base64.b64encode(hmac.digest(secret.encode(), text, "sha1")).decode()
    if hmac.compare_digest(expected.encode(), provided.encode()):
        return
    refusal = NotAuthenticatedError("BadSignature", "the signature is not the policy's").as_service_error("s3")
    details = {
        "AWSAccessKeyId": credentials.access_key_id,
        "StringToSign": fields["policy"],
        "SignatureProvided": provided,
        "StringToSignBytes": " ".join(f"{byte:02x}" for byte in text),
    }
    raise S3Error(refusal.code, refusal.message, details)
