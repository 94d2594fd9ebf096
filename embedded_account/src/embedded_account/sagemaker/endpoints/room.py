"""How many instances endpoints use, and whether the account's quotas leave room for more."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from embedded_account.quotas.limits import ALL_ENDPOINTS, ENDPOINT, SERVERLESS, quota_name
from embedded_account.quotas.quotas import Quotas
from embedded_account.sagemaker.endpoints.endpoint import Endpoint
from embedded_account.sagemaker.endpoints.serverless import ServerlessFleet


def instances_of(config: Mapping[str, Any], counts: Mapping[str, int] | None = None) -> Counter[str]:
    """Return how many instances of each type `config` starts with; `counts` by variant stand for its own.

    Of serverless variants it is the requests at one time that they may have, under the quota's name.
    """
    wanted = Counter[str]()
    for variant in (*config["ProductionVariants"], *config.get("ShadowProductionVariants", ())):
        if "ServerlessConfig" in variant:
            wanted[SERVERLESS] += int(variant["ServerlessConfig"]["MaxConcurrency"])
        else:
            count = (counts or {}).get(variant["VariantName"], variant["InitialInstanceCount"])
            wanted[variant["InstanceType"]] += count
    return wanted


def in_use(endpoint: Endpoint) -> Counter[str]:
    """Return how many instances of each type an endpoint has, those of an update under way too."""
    used = Counter[str]()
    for fleet in endpoint.fleets():
        if isinstance(fleet, ServerlessFleet):
            used[SERVERLESS] += fleet.max_concurrency
        else:
            used[fleet.launch.instance_type] += fleet.desired_count
    return used


def of_update(wanted: Counter[str], had: Counter[str]) -> Counter[str]:
    """Return what an update takes beside what the endpoint has: all its instances, but only more of concurrency."""
    more = max(0, wanted[SERVERLESS] - had[SERVERLESS])
    return Counter({name: count for name, count in wanted.items() if name != SERVERLESS}) + Counter({SERVERLESS: more})


def require_room(quotas: Quotas, used: Iterable[Counter[str]], wanted: Mapping[str, int]) -> None:
    """Refuse more instances at one time than the account's quotas allow.

    Raises:
        ServiceError: one would be exceeded.
    """
    total: Counter[str] = sum(used, Counter())
    quotas.require(SERVERLESS, total.pop(SERVERLESS, 0), wanted.get(SERVERLESS, 0))
    wanted = {instance_type: count for instance_type, count in wanted.items() if instance_type != SERVERLESS}
    for instance_type, count in wanted.items():
        quotas.require(quota_name(instance_type, ENDPOINT), total[instance_type], count)
    quotas.require(ALL_ENDPOINTS, total.total(), sum(wanted.values()))
