"""The errors of Application Auto Scaling."""

from collections.abc import Mapping
from typing import Any

from embedded_account.errors import ServiceError


def not_found(what: str, params: Mapping[str, Any], more: str) -> ServiceError:
    """Return the error of a request for `what`, named by its target and by `more`, that is not there."""
    return ServiceError(
        "ObjectNotFoundException",
        f"No {what} found for service namespace: {params['ServiceNamespace']}, resource ID: {params['ResourceId']}, "
        f"scalable dimension: {params['ScalableDimension']}{more}",
    )


def validation_error(message: str) -> ServiceError:
    """Return the error of a request that is well formed and yet cannot be met."""
    return ServiceError("ValidationException", message)
