"""For which region a request has to be signed: the account plays one, some services have none, and each bucket has its.

Source: IAM user guide, "Troubleshoot Signature Version 4 signing for AWS API requests"; AWS General Reference, "Service
endpoints and quotas"; Amazon S3 user guide, "Request routing".
"""

from collections.abc import Callable, Iterable
from typing import Any

from embedded_account.account import Account
from embedded_account.iam.actions.s3 import S3Request
from embedded_account.iam.errors import NotAuthenticatedError
from embedded_account.iam.s3_answers import S3Error, answer_error
from embedded_account.iam.scopes import Scope
from embedded_account.iam.signatures import Signature

_ANYWHERE = frozenset({"budgets", "iam", "s3", "sts"})  # clients of every region reach what these have
_ONLY_IN = {"pricing": ("us-east-1", "eu-central-1", "ap-south-1")}


def check_region(account: Account, signature: Signature) -> None:
    """Return when the service is there in the region that a request is signed for.

    Raises:
        NotAuthenticatedError: it is not; on AWS another region would not have what this account has.
    """
    service, region = signature.service, signature.region
    regions = _ONLY_IN.get(service, (account.region,))
    if service in _ANYWHERE or region in regions:
        return
    remedy = f"set AWS_DEFAULT_REGION={regions[0]}"
    if service not in _ONLY_IN:
        remedy += f", or have an account there by `embedded-account start --region {region}`"
    raise NotAuthenticatedError(
        "WrongRegion",
        f"Credential should be scoped to a valid region, not '{region}'. This embedded account has {service} in "
        f"{' or '.join(regions)} alone: {remedy}.",
    )


def other_region(account: Account, request: S3Request, scope: Scope) -> str:
    """Return the region of the bucket that a request is for; "" where it is signed for that, or for none.

    To make a bucket, to list them, and to ask where one is, any region will do.
    """
    from moto.s3.models import s3_backends

    bucket = s3_backends[account.account_id]["aws"].buckets.get(request.bucket)
    is_creation = request.method == "PUT" and not request.key and not request.query
    if bucket is None or not scope.region or is_creation or "location" in request.query:
        return ""
    return "" if bucket.region_name == scope.region else str(bucket.region_name)


def answer_redirect(
    region: str, scope: Scope, request: S3Request, environ: dict[str, Any], start_response: Callable[..., Any]
) -> Iterable[bytes]:
    """Tell in which region the bucket is, so that SDKs ask again there; a presigned URL has to be made again."""

    def start(status: str, headers: list[tuple[str, str]]) -> Any:
        return start_response(status, [*headers, ("x-amz-bucket-region", region)])

    return answer_error(_redirect(region, scope, request), environ, start)


def _redirect(region: str, scope: Scope, request: S3Request) -> S3Error:
    if "X-Amz-Signature" in request.query:
        return S3Error(
            "AuthorizationQueryParametersError",
            f"Error parsing the X-Amz-Credential parameter; the region '{scope.region}' is wrong; expecting '{region}'",
            {"Region": region},
        )
    return S3Error(
        "PermanentRedirect",
        "The bucket you are attempting to access must be addressed using the specified endpoint. Please send all "
        "future requests to this endpoint.",
        {"Endpoint": f"{request.bucket}.s3.{region}.amazonaws.com", "Bucket": request.bucket},
    )
