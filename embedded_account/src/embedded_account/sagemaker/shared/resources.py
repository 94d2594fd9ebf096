"""What names a SageMaker resource, and the error of a request about one that cannot be met."""

from embedded_account.account import Account
from embedded_account.errors import ServiceError

_KEEP_CASE = frozenset({"model-package", "model-package-group"})


def arn(account: Account, kind: str, name: str) -> str:
    """Return the ARN of the resource `name` of `kind`, such as "training-job"; names in ARNs are in lower case.

    Source: Service Authorization Reference, "Resource types defined by Amazon SageMaker"; those of the model registry
    keep their case in what AWS answers.
    """
    own = name if kind in _KEEP_CASE else name.lower()
    return f"arn:aws:sagemaker:{account.region}:{account.account_id}:{kind}/{own}"


def validation_error(message: str) -> ServiceError:
    """Return the error of a request that is well formed and yet cannot be met."""
    return ServiceError("ValidationException", message)
