"""The resource types that the engine carries out, one class each, acting through the account's own endpoint."""

from functools import cache
from importlib import import_module

from embedded_account.cloudformation.errors import UnsupportedError
from embedded_account.cloudformation.resources.resource import ResourceType

_MODULES = (
    "autoscaling", "budgets", "cdk", "cloudwatch", "dynamodb", "events", "iam", "kms", "lambda_access",
    "lambda_functions", "lambda_versions", "logs", "s3", "sagemaker", "scheduler", "sns", "sqs", "ssm", "stepfunctions",
)  # fmt: skip


@cache
def resource_types() -> dict[str, ResourceType]:
    """Return every type by its name."""
    for module in _MODULES:
        import_module(f"{__name__}.{module}")
    return {kind.name: kind() for kind in ResourceType.__subclasses__()}


def resource_type(name: str, logical_id: str) -> ResourceType:
    """Return the type of a template's resource.

    Raises:
        UnsupportedError: the type is not carried out.
    """
    kind = resource_types().get(name)
    if kind is None:
        raise UnsupportedError(f"type {name!r} of resource {logical_id!r}")
    return kind
