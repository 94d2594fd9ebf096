"""Who sends a request: its signature is verified against the secret of its access key."""

import time
from collections.abc import Mapping
from typing import Any

from embedded_account.account import Account
from embedded_account.iam.errors import NotAuthenticatedError
from embedded_account.iam.payloads import CheckedBody, check_body
from embedded_account.iam.presigned import PresignedUrl
from embedded_account.iam.regions import check_region
from embedded_account.iam.signatures import MAX_EXPIRES_SECONDS, Signature, is_signed_with, read_signature
from embedded_account.identity import Credentials, Principal

# What a request has in its WSGI environment, where no client can put anything, once its form was verified.
VERIFIED = "embedded_account.verified_principal"
_MAX_SKEW_SECONDS = 900.0


def authenticate(account: Account, environ: Mapping[str, Any], payload: bytes | None) -> Principal:
    """Return the principal who signed the WSGI request in `environ`, in its headers or, presigned, in its query.

    This is the one function that verifies a SigV4 request; any listener of the account may call it, such as that of a
    Function URL (there with the body as `payload`, and `service` of the scope "lambda"). `payload` is the body that
    was read; None takes the hash that the request states, which is S3's way with bodies too large to hold. Signing
    keys are kept, so a call costs about 15 microseconds. A signature is dated by the real time, or by the account's
    clock, which SDKs follow that go by the Date of answers; sessions expire by the account's clock.

    Raises:
        NotAuthenticatedError: there is no signature, or it is not good; its `fault` says why.
    """
    if VERIFIED in environ:
        verified: Principal = environ[VERIFIED]
        return verified
    try:
        signature = read_signature(environ)
    except ValueError as error:
        raise NotAuthenticatedError("Incomplete", f"{error} is not one of Signature Version 4") from error
    if signature is None:
        return _of_presigned_url(account, environ)
    check_region(account, signature)
    principal, credentials = owner_of(account, signature.access_key_id)
    _check_date(signature, account)
    if (credentials.session_token or "") != signature.token:
        raise NotAuthenticatedError("UnknownKey", "the security token is not the one of the access key")
    if not is_signed_with(credentials.secret_access_key, signature, environ, payload):
        raise NotAuthenticatedError("BadSignature", "the signature is not the one that the secret key gives")
    if account.sessions.has_expired(credentials):
        raise NotAuthenticatedError("Expired", "the session has expired")
    return principal


def checked_body(account: Account, environ: dict[str, Any]) -> CheckedBody | None:
    """Let the body of an authenticated request to S3 be checked while it is read; None where nothing is said of it.

    Raises:
        ServiceError: what the request says of its body is none of S3's forms.
    """
    if not environ.get("HTTP_X_AMZ_CONTENT_SHA256", "").startswith("STREAMING-AWS4"):
        return check_body(environ, "", None)
    signature = read_signature(environ)
    secret = owner_of(account, signature.access_key_id)[1].secret_access_key if signature else ""
    return check_body(environ, secret, signature)


def _of_presigned_url(account: Account, environ: Mapping[str, Any]) -> Principal:
    """Return who signed a URL of S3 by Signature Version 2."""
    try:
        url = PresignedUrl.of(environ)
    except ValueError as error:
        raise NotAuthenticatedError("Incomplete", "the URL does not say when it expires") from error
    if url is None:
        raise NotAuthenticatedError("Missing", "the request is not signed")
    principal, credentials = owner_of(account, url.access_key_id)
    if (credentials.session_token or "") != url.token:
        raise NotAuthenticatedError("UnknownKey", "the security token is not the one of the access key")
    if not url.is_signed_with(credentials.secret_access_key, environ):
        raise NotAuthenticatedError("BadSignature", "the signature is not the one that the secret key gives")
    if time.time() > url.expires_at:
        raise NotAuthenticatedError("UrlExpired", "the URL has expired")
    if account.sessions.has_expired(credentials):
        raise NotAuthenticatedError("Expired", "the session has expired")
    return principal


def owner_of(account: Account, access_key_id: str) -> tuple[Principal, Credentials]:
    """Return whose the access key is, and what it is.

    Raises:
        NotAuthenticatedError: nobody's.
    """
    owner = account.sessions.find(access_key_id) or _user(account, access_key_id)
    if owner is None:
        raise NotAuthenticatedError("UnknownKey", f"access key {access_key_id!r} is none of this account's")
    return owner


def _user(account: Account, access_key_id: str) -> tuple[Principal, Credentials] | None:
    """Return the IAM user whose active access key it is."""
    from moto.iam.models import iam_backends

    for user in list(iam_backends[account.account_id]["aws"].users.values()):
        for key in user.access_keys:
            if key.access_key_id == access_key_id and key.status == "Active":
                return (
                    Principal("", user.name, user_arn=user.arn),
                    Credentials(access_key_id, key.secret_access_key, None, None),
                )
    return None


def _check_date(signature: Signature, account: Account) -> None:
    try:
        signed_at = signature.signed_at
    except ValueError as error:
        raise NotAuthenticatedError("Incomplete", f"its date {signature.amz_date!r} is none") from error
    age_seconds = min((now - signed_at for now in (time.time(), account.clock.time())), key=abs)
    if signature.expires_seconds is None:
        if abs(age_seconds) > _MAX_SKEW_SECONDS:
            raise NotAuthenticatedError("Skewed", f"it was signed {age_seconds:.0f} s ago")
    elif signature.expires_seconds > MAX_EXPIRES_SECONDS:
        raise NotAuthenticatedError("Incomplete", "X-Amz-Expires must be less than a week (in seconds)")
    elif age_seconds > signature.expires_seconds:
        raise NotAuthenticatedError("UrlExpired", "the URL has expired")
