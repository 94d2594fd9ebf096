"""Hosting: the model registry, models, endpoint configurations, endpoints and their invocation."""

import psutil

from embedded_account.account import Account
from embedded_account.metrics import MINUTE, series_key
from embedded_account.sagemaker.endpoints import endpoint_configs, endpoints, runtime
from embedded_account.sagemaker.endpoints.endpoints import Endpoints
from embedded_account.sagemaker.registry import model_packages, models

_CHECK_SECONDS = 0.2
_UTILISATION_SECONDS = 60.0
_IDLE_CHECK_SECONDS = 5.0
_NAMESPACE = "/aws/sagemaker/Endpoints"
_INVOCATION_METRICS = ("Invocations", "InvocationsPerInstance")


def install(account: Account) -> None:
    """Carry out every operation of hosting, and look after the instances."""
    known_models = models.install(account, model_packages.install(account))
    known_configs = endpoint_configs.install(account, known_models)
    known_endpoints = endpoints.install(account, known_models, known_configs)
    runtime.install(account, known_endpoints)
    account.offer("endpoint instances", lambda: _running(known_endpoints))
    account.start_thread("endpoint instances", lambda: _look_after(account, known_endpoints))
    idle_seconds = max(_IDLE_CHECK_SECONDS, 0.05 * account.clock.speed)
    account.every("idle endpoints", idle_seconds, lambda: _record_idleness(account, known_endpoints))
    account.every("endpoint utilisation", _UTILISATION_SECONDS, lambda: _record_utilisation(account, known_endpoints))


def _running(known: Endpoints) -> list[tuple[str, int]]:
    """Return the endpoint's name and the process id of each instance that takes requests."""
    return [
        (endpoint.name, instance.pid)
        for endpoint in known.all()
        for fleet in endpoint.fleets()
        for instance in fleet.instances
        if instance.alive
    ]


def _look_after(account: Account, known: Endpoints) -> None:
    while not account.stopping.wait(_CHECK_SECONDS):
        known.check_instances()


def _record_utilisation(account: Account, known: Endpoints) -> None:
    """Put the memory and the cores that each instance uses, as the instances' agent does on AWS.

    Memory in percent of the machine's; cores in percent of one, so that two busy ones are 200.
    """
    total = psutil.virtual_memory().total
    for endpoint in known.all():
        for variant in list(endpoint.variants.values()):
            dimensions = {"EndpointName": endpoint.name, "VariantName": variant.name}
            for instance in variant.fleet.instances:
                percent = 100 * instance.resident_bytes() / total
                account.put_metric(_NAMESPACE, "MemoryUtilization", percent, "Percent", dimensions)
                account.put_metric(_NAMESPACE, "CPUUtilization", instance.cpu_percent(), "Percent", dimensions)


def _record_idleness(account: Account, known: Endpoints) -> None:
    """Put a zero for the last minute of a variant that nobody invoked in it, so that an idle endpoint scales in.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-prerequisites.html
    """
    end = int(account.clock.time()) // MINUTE * MINUTE
    for endpoint in known.all():
        for name in list(endpoint.variants):
            for metric in _INVOCATION_METRICS:
                key = series_key("AWS/SageMaker", metric, {"EndpointName": endpoint.name, "VariantName": name})
                if not account.metrics.periods(key, end - MINUTE, end, MINUTE):
                    account.metrics.put(key, "None", end - MINUTE, 0.0)
