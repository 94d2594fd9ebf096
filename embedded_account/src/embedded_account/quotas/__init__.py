"""Service Quotas: what a settled or a new account may use; the other services hold their callers to it."""

from collections.abc import Callable
from typing import Any

from embedded_account.account import Account
from embedded_account.errors import ServiceError
from embedded_account.quotas.limits import Quota
from embedded_account.quotas.quotas import Quotas
from embedded_account.wiring.serving import serve

_SERVICES = ("lambda", "sagemaker")
_PAGE = 100


def install(account: Account) -> None:
    """Serve the operations on quotas of SageMaker and Lambda."""
    quotas = account.singleton(Quotas)
    serve(
        account,
        "service-quotas",
        {
            "ListServiceQuotas": lambda params: _listed(params, quotas.of, quotas),
            "ListAWSDefaultServiceQuotas": lambda params: _listed(params, quotas.defaults, quotas),
            "GetServiceQuota": lambda params: {"Quota": quotas.describe(quotas.by_code(*_named(params)))},
            "RequestServiceQuotaIncrease": lambda params: {
                "RequestedQuota": quotas.describe_increase(quotas.ask_for(*_named(params), params["DesiredValue"]))
            },
            "ListRequestedServiceQuotaChangeHistory": lambda params: {
                "RequestedQuotas": [quotas.describe_increase(each) for each in quotas.increases()]
            },
        },
    )


def _named(params: dict[str, Any]) -> tuple[str, str]:
    return _service(params), params["QuotaCode"]


def _service(params: dict[str, Any]) -> str:
    """Return the service that is asked about.

    Raises:
        ServiceError: the account has no quotas of it.
    """
    service = str(params["ServiceCode"])
    if service not in _SERVICES:
        raise ServiceError(
            "NoSuchResourceException", f"Service {service!r}: the embedded account has quotas of {', '.join(_SERVICES)}"
        )
    return service


def _listed(params: dict[str, Any], of: Callable[[str], list[Quota]], quotas: Quotas) -> dict[str, Any]:
    listed = sorted(of(_service(params)), key=lambda quota: quota.name)
    size = min(int(params.get("MaxResults") or _PAGE), _PAGE)
    start = int(params.get("NextToken") or 0)
    answer: dict[str, Any] = {"Quotas": [quotas.describe(quota) for quota in listed[start : start + size]]}
    return answer | ({"NextToken": str(start + size)} if start + size < len(listed) else {})
