"""Serverless variants: containers that start with the requests, each for one at a time, and end when nobody asks.

Source: SageMaker developer guide, "Deploy models with Amazon SageMaker Serverless Inference".
"""

import os
import time
from typing import Any

from embedded_account.account import Account
from embedded_account.sagemaker.endpoints.endpoint import Endpoint
from embedded_account.sagemaker.endpoints.fleet import Fleet, NoInstanceError
from embedded_account.sagemaker.endpoints.instance import EndpointInstance, InstanceFailedError, Launch
from embedded_account.sagemaker.shared.resources import validation_error

_IDLE_SECONDS = 300.0  # of the account's clock; AWS does not say
_MEMORY_STEP_MB = 1024


def check_config(params: dict[str, Any]) -> None:
    """Raise unless the variants of CreateEndpointConfig are none, or a single one, on serverless containers."""
    every = [*params["ProductionVariants"], *params.get("ShadowProductionVariants", [])]
    serverless = [variant for variant in every if "ServerlessConfig" in variant]
    if not serverless:
        return
    if len(every) > 1 or params.get("DataCaptureConfig"):
        raise validation_error("a serverless endpoint has a single variant, no shadow variant and no data capture")
    (variant,) = serverless
    _check_variant(variant)


def _check_variant(variant: dict[str, Any]) -> None:
    name, config = variant["VariantName"], variant["ServerlessConfig"]
    if "InstanceType" in variant or "InitialInstanceCount" in variant:
        raise validation_error(f"variant {name!r} takes ServerlessConfig or InstanceType with a count, not both")
    if config["MemorySizeInMB"] % _MEMORY_STEP_MB:
        raise validation_error(f"variant {name!r}: MemorySizeInMB {config['MemorySizeInMB']} is no multiple of 1024")
    if config.get("ProvisionedConcurrency", 0) > config["MaxConcurrency"]:
        raise validation_error(f"variant {name!r}: ProvisionedConcurrency is above MaxConcurrency")


def check_update(endpoint: Endpoint, config: dict[str, Any]) -> None:
    """Raise where an endpoint on instances would become a serverless one."""
    becomes = any("ServerlessConfig" in variant for variant in config["ProductionVariants"])
    if becomes and any("ServerlessConfig" not in variant.config for variant in endpoint.variants.values()):
        raise validation_error(
            f'Cannot update endpoint "{endpoint.arn}" from instances to serverless inference; create another endpoint'
        )


def check_capacities(endpoint: Endpoint, changes: list[dict[str, Any]]) -> None:
    """Raise where a serverless variant would get a number of instances."""
    for change in changes:
        variant = endpoint.variants.get(change["VariantName"])
        if variant and "ServerlessConfig" in variant.config and "DesiredInstanceCount" in change:
            raise validation_error(f"variant {variant.name!r} is serverless; it takes no DesiredInstanceCount")


class ServerlessFleet(Fleet):
    """The containers of a serverless variant; of `desired_count`, those provisioned, none ends for being idle."""

    def __init__(self, account: Account, launch: Launch, config: dict[str, Any]) -> None:
        super().__init__(account, launch)
        self.max_concurrency = int(config["MaxConcurrency"])
        self._num_starting = 0
        self._used_at: dict[str, float] = {}

    def resize(self, count: int) -> None:
        """Bring up `count` provisioned containers, and the first in any case: a model that does not start fails here.

        Raises:
            InstanceFailedError: one did not start.
        """
        super().resize(max(1, count))
        self.desired_count = count
        for instance in self.instances:
            self._used_at[instance.id] = self._account.clock.time()

    def acquire(self) -> EndpointInstance:
        """Return a container that is free, which is started where none is and there is room for it.

        Raises:
            NoInstanceError: as many as may run at one time are at work, or a new one did not start.
        """
        with self._changed:
            idle = [one for one in self._instances if not (one.outstanding or one.draining or one.gone)]
            if idle:
                idle[0].outstanding += 1
                return idle[0]
            if self._closed or len(self._instances) + self._num_starting >= self.max_concurrency:
                raise NoInstanceError(saturated=not self._closed)
            self._num_starting += 1
        try:
            return self._start()
        except InstanceFailedError as error:
            raise NoInstanceError(saturated=False) from error
        finally:
            with self._changed:
                self._num_starting -= 1

    def release(self, instance: EndpointInstance) -> None:
        """Count the request as done; from now on the container is idle."""
        self._used_at[instance.id] = self._account.clock.time()
        super().release(instance)

    def check(self) -> None:
        """Replace what has died of the provisioned ones, and end what has been idle for long."""
        super().check()
        oldest = self._account.clock.time() - _IDLE_SECONDS
        with self._changed:
            idle = [one for one in self._instances if not one.outstanding and self._used_at.get(one.id, 0.0) < oldest]
            surplus = idle[: max(0, len(self._instances) - self.desired_count)]
            self._instances = [one for one in self._instances if one not in surplus]
        for instance in surplus:
            self._used_at.pop(instance.id, None)
            instance.end()

    def _start(self) -> EndpointInstance:
        """Return a new container with the first request counted: a cold start, which is measured."""
        started = time.perf_counter()
        instance = EndpointInstance(self._account, self.launch, max(1, (os.cpu_count() or 1) // 2))
        try:
            instance.wait_until_ready()
        except InstanceFailedError:
            instance.end()
            raise
        dimensions = {"EndpointName": self.launch.endpoint_name, "VariantName": self.launch.variant_name}
        microseconds = round((time.perf_counter() - started) * 1e6)
        self._account.put_metric("AWS/SageMaker", "ModelSetupTime", microseconds, "Microseconds", dimensions)
        instance.outstanding = 1
        with self._changed:
            self._instances.append(instance)
        return instance
