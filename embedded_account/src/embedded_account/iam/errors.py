"""What the account's identity service raises, and what each refusal is called in each of AWS's protocols."""

from embedded_account.errors import ServiceError


class MalformedPolicyError(ValueError):
    """A policy text that IAM would not take."""


class NotAuthenticatedError(Exception):
    """A request whose sender is not known. `fault` is a key of the tables below.

    The message is for a log; the caller is told it where the table has none.
    """

    def __init__(self, fault: str, message: str) -> None:
        super().__init__(message)
        self.fault = fault

    def as_service_error(self, service: str) -> ServiceError:
        """Return the error that the caller of `service` (boto3's name) gets."""
        code, message = _FAULTS[self.fault][_FAMILIES.get(service, 2)]
        return ServiceError(code, message or str(self))


_FAMILIES = {"s3": 0} | dict.fromkeys(("iam", "sts", "sns", "cloudformation", "ec2", "cloudwatch", "autoscaling"), 1)
_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your {}. Consult the service"
    " documentation for details."
)
_INVALID = "The security token included in the request is invalid."
_EXPIRED = "The security token included in the request is expired"
_KEY = "AWS Secret Access Key and signing method"
# fault: what S3, the query protocol's services, and the others answer. Source: "Common errors" of each API reference.
_FAULTS: dict[str, tuple[tuple[str, str], tuple[str, str], tuple[str, str]]] = {
    "Missing": (
        ("AccessDenied", "Access Denied"),
        ("MissingAuthenticationToken", "Request is missing Authentication Token"),
        ("MissingAuthenticationTokenException", "Missing Authentication Token"),
    ),
    "Incomplete": (
        ("AuthorizationQueryParametersError", "The authorization header or query is malformed."),
        ("IncompleteSignature", "The request signature does not conform to AWS standards."),
        ("IncompleteSignatureException", "The request signature does not conform to AWS standards."),
    ),
    "UnknownKey": (
        ("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records."),
        ("InvalidClientTokenId", _INVALID),
        ("UnrecognizedClientException", _INVALID),
    ),
    "BadSignature": (
        (
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. Check your key and signing"
            " method.",
        ),
        ("SignatureDoesNotMatch", _MISMATCH.format(_KEY)),
        ("InvalidSignatureException", _MISMATCH.format(_KEY)),
    ),
    "Expired": (
        ("ExpiredToken", "The provided token has expired."),
        ("ExpiredToken", _EXPIRED),
        ("ExpiredTokenException", _EXPIRED),
    ),
    "WrongRegion": (
        ("AuthorizationHeaderMalformed", ""),
        ("SignatureDoesNotMatch", ""),
        ("InvalidSignatureException", ""),
    ),
    "Skewed": (
        ("RequestTimeTooSkewed", "The difference between the request time and the current time is too large."),
        ("SignatureDoesNotMatch", "Signature expired"),
        ("InvalidSignatureException", "Signature expired"),
    ),
    "UrlExpired": (
        ("AccessDenied", "Request has expired"),
        ("SignatureDoesNotMatch", "Signature expired"),
        ("InvalidSignatureException", "Signature expired"),
    ),
}
