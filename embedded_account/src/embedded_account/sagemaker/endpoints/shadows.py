"""Shadow variants: what an endpoint configuration may say of them, and which requests they get a copy of.

Source: SageMaker developer guide, "Shadow variants"; SageMaker API reference, CreateEndpointConfig.
"""

import random
from collections.abc import Callable
from functools import partial
from threading import BoundedSemaphore
from typing import Any

from embedded_account.account import Account
from embedded_account.sagemaker.endpoints.endpoint import Endpoint, Variant
from embedded_account.sagemaker.shared.resources import validation_error

_MAX_COPIES = 32  # under way at one time; a request above it is not copied, so that none waits for a shadow


def check(params: dict[str, Any]) -> None:
    """Raise unless the shadow variants of CreateEndpointConfig are none, or one beside one production variant."""
    num_shadows, num_production = len(params.get("ShadowProductionVariants", [])), len(params["ProductionVariants"])
    if num_shadows and (num_shadows, num_production) != (1, 1):
        raise validation_error(
            f"{num_shadows} shadow variants with {num_production} production variants; an endpoint with a shadow "
            "variant has exactly one of each"
        )


def share(production: Variant, shadow: Variant) -> float:
    """Return the share of the requests, 0..1, that `shadow` gets a copy of: its weight by that of `production`."""
    return min(1.0, shadow.weight / production.weight) if production.weight else 0.0


class Copies:
    """Copies requests to shadow variants, each on a thread of its own; what comes of a copy is its own affair."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._room = BoundedSemaphore(_MAX_COPIES)

    def send(self, endpoint: Endpoint, ask: Callable[[Variant], object]) -> None:
        """Let `ask` be called with each shadow variant that the next request to `endpoint` is copied to."""
        for shadow in list(endpoint.shadows.values()):
            (production,) = endpoint.variants.values()
            is_copied = random.random() < share(production, shadow)  # noqa: S311 (sampling)
            if is_copied and self._room.acquire(blocking=False):
                self._account.start_thread(f"copy for {shadow.name}", partial(self._ask, shadow, ask))

    def _ask(self, shadow: Variant, ask: Callable[[Variant], object]) -> None:
        try:
            ask(shadow)
        finally:
            self._room.release()
