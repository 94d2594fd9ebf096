"""Hosting: the model registry, models, endpoint configurations, endpoints and their invocation."""

import psutil

from local.account import Account
from local.sagemaker import endpoint_configs, endpoints, models, registry, runtime
from local.sagemaker.endpoints import Endpoints

_CHECK_SECONDS = 0.2
_UTILISATION_SECONDS = 60.0
_NAMESPACE = "/aws/sagemaker/Endpoints"


def install(account: Account) -> None:
    """Carry out every operation of hosting, and look after the instances."""
    known_models = models.install(account, registry.install(account))
    known_configs = endpoint_configs.install(account, known_models)
    known_endpoints = endpoints.install(account, known_models, known_configs)
    runtime.install(account, known_endpoints)
    account.start_thread("endpoint instances", lambda: _look_after(account, known_endpoints))
    account.every("endpoint utilisation", _UTILISATION_SECONDS, lambda: _record_utilisation(account, known_endpoints))


def _look_after(account: Account, known: Endpoints) -> None:
    while not account.stopping.wait(_CHECK_SECONDS):
        known.check_instances()


def _record_utilisation(account: Account, known: Endpoints) -> None:
    """Put the memory of each instance, in percent of the machine's, as the instances' agent does on AWS."""
    total = psutil.virtual_memory().total
    for endpoint in known.all():
        for variant in list(endpoint.variants.values()):
            dimensions = {"EndpointName": endpoint.name, "VariantName": variant.name}
            for instance in variant.fleet.instances:
                percent = 100 * instance.resident_bytes() / total
                account.put_metric(_NAMESPACE, "MemoryUtilization", percent, "Percent", dimensions)
