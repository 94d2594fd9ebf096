"""Looking after endpoints: what has died is replaced, what instances use is measured, idle minutes are told."""

import psutil

from embedded_account.account import Account
from embedded_account.metrics import MINUTE, series_key
from embedded_account.sagemaker.endpoints.endpoints import Endpoints

_CHECK_SECONDS = 0.2
_UTILISATION_SECONDS = 60.0
_IDLE_CHECK_SECONDS = 5.0
_NAMESPACE = "/aws/sagemaker/Endpoints"
_INVOCATION_METRICS = ("Invocations", "InvocationsPerInstance")


def install(account: Account, endpoints: Endpoints) -> None:
    """Replace what dies of the endpoints, and record what their instances do."""
    account.expose_running("endpoint instances", lambda: _running(endpoints))
    account.start_thread("endpoint instances", lambda: _look_after(account, endpoints))
    idle_seconds = max(_IDLE_CHECK_SECONDS, 0.05 * account.clock.speed)
    account.every("idle endpoints", idle_seconds, lambda: _record_idleness(account, endpoints))
    account.every("endpoint utilisation", _UTILISATION_SECONDS, lambda: _record_utilisation(account, endpoints))


def _running(endpoints: Endpoints) -> list[tuple[str, int]]:
    """Return the endpoint's name and the process id of each instance that takes requests."""
    return [
        (endpoint.name, instance.pid)
        for endpoint in endpoints.all()
        for fleet in endpoint.fleets()
        for instance in fleet.instances
        if instance.alive
    ]


def _look_after(account: Account, endpoints: Endpoints) -> None:
    while not account.stopping.wait(_CHECK_SECONDS):
        endpoints.check_instances()


def _record_utilisation(account: Account, endpoints: Endpoints) -> None:
    """Put the memory and the cores that each instance uses, as the instances' agent does on AWS.

    Memory in percent of the machine's; cores in percent of one, so that two busy ones are 200.
    """
    total = psutil.virtual_memory().total
    for endpoint in endpoints.all():
        for variant in endpoint.hosted.values():
            dimensions = {"EndpointName": endpoint.name, "VariantName": variant.name}
            for instance in variant.fleet.instances:
                percent = 100 * instance.resident_bytes() / total
                account.put_metric(_NAMESPACE, "MemoryUtilization", percent, "Percent", dimensions)
                account.put_metric(_NAMESPACE, "CPUUtilization", instance.cpu_percent(), "Percent", dimensions)


def _record_idleness(account: Account, endpoints: Endpoints) -> None:
    """Put a zero for the last minute of a variant that nobody invoked in it, so that an idle endpoint scales in.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-prerequisites.html
    """
    end = int(account.clock.time()) // MINUTE * MINUTE
    for endpoint in endpoints.all():
        for name in endpoint.hosted if endpoint.asynchronous is None else ():
            for metric in _INVOCATION_METRICS:
                key = series_key("AWS/SageMaker", metric, {"EndpointName": endpoint.name, "VariantName": name})
                if not account.metrics.periods(key, end - MINUTE, end, MINUTE):
                    account.metrics.put(key, "None", end - MINUTE, 0.0)
