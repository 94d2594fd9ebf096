"""What names a SageMaker resource, and the error of a request about one that cannot be met."""

from embedded_account.account import Account
from embedded_account.errors import ServiceError


def arn(account: Account, kind: str, name: str) -> str:
    """Return the ARN of the resource `name` of `kind`, such as "training-job"."""
    return f"arn:aws:sagemaker:{account.region}:{account.account_id}:{kind}/{name}"


def validation_error(message: str) -> ServiceError:
    """Return the error of a request that is well formed and yet cannot be met."""
    return ServiceError("ValidationException", message)
