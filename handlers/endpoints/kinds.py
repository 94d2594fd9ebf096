"""The two kinds of endpoint: instances, and serverless containers that start with the requests.

Source: SageMaker developer guide, "Deploy models with Amazon SageMaker Serverless Inference": no GPU, shadow, data
capture or autoscaling by instances; an endpoint on instances is not updated to serverless, the other way round it is.
"Deployment guardrails", exclusions.
"""

from collections.abc import Mapping
from typing import Any

from handlers.contract.settings import Settings


def wants_serverless(settings: Settings) -> bool:
    """Tell whether the next deployment is to serverless containers."""
    return settings.endpoint_kind == "serverless"


def is_serverless(endpoint: Mapping[str, Any] | None) -> bool:
    """Tell whether a described endpoint serves from serverless containers."""
    return any("CurrentServerlessConfig" in variant for variant in (endpoint or {}).get("ProductionVariants", ()))


def must_be_replaced(endpoint: Mapping[str, Any], settings: Settings) -> bool:
    """Tell whether SageMaker would refuse the update, so that the endpoint goes before the new one comes."""
    return wants_serverless(settings) and not is_serverless(endpoint)


def wanted_type(settings: Settings) -> str:
    """Return the instance type of the next deployment, "" for serverless containers, which have none."""
    return "" if wants_serverless(settings) else settings.endpoint_instance_type


def capacity(settings: Settings) -> dict[str, Any]:
    """Return the members of a production variant that say what it runs on."""
    if wants_serverless(settings):
        size, most = settings.serverless_memory_mb, settings.serverless_max_concurrency
        return {"ServerlessConfig": {"MemorySizeInMB": size, "MaxConcurrency": most}}
    return {"InstanceType": settings.endpoint_instance_type, "InitialInstanceCount": settings.endpoint_instance_count}


def environment(settings: Settings) -> dict[str, str]:
    """Return variables of the container beside its own: a serverless one has a request at a time, and little memory."""
    return {"SAGEMAKER_MODEL_SERVER_WORKERS": "1"} if wants_serverless(settings) else {}
