"""Rolling updates of an endpoint: the new fleet grows by a batch as the old one shrinks by it.

Source: SageMaker developer guide, "Use rolling deployments".
"""

from collections.abc import Mapping
from math import ceil

from embedded_account.sagemaker.endpoints.deployment import Deployment, Plan, resize
from embedded_account.sagemaker.endpoints.endpoint import Variant
from embedded_account.sagemaker.shared.resources import validation_error


class RollingDeployment(Deployment):
    """One update in batches; between two of them the alarms are watched for the wait interval."""

    def _carry_out(self, counts: dict[str, int]) -> None:
        self._blue_counts = {name: variant.fleet.desired_count for name, variant in self._endpoint.variants.items()}
        for number in range(1, _num_batches(self._plan.step, counts) + 1):
            self._move(counts, number)
            self._bake(self._plan.wait_seconds)
        self._start_shadows()
        self._green.share = 1.0

    def _move(self, counts: dict[str, int], number: int) -> None:
        """Bring the green fleet to `number` batches, give it its share of the traffic, and take as much from blue."""
        for name, variant in self._green.variants.items():
            size = min(counts[name], number * batch_size(self._plan.step, counts[name]))
            self._tell("Creating", f"Launching {size} instance(s).", {name: variant})
            resize(variant, size)
        share = _capacity(self._green.variants) / max(1, sum(counts.values()))
        self._tell("ActivatingTraffic", "Activating traffic on canary capacity of {count} instance(s).")
        self._green.share = min(1.0, share)
        for name, variant in self._endpoint.variants.items():
            keep = self._blue_counts[name] - ceil(self._blue_counts[name] * self._green.share)
            variant.fleet.resize(max(0, keep))
        seconds = self._plan.wait_seconds
        self._tell(
            "Baking",
            f"Baking for {seconds:.0f} seconds (WaitIntervalInSeconds) with traffic enabled on canary capacity of "
            "{count} instance(s).",
        )

    def _return_to_blue(self) -> None:
        """Grow the blue fleet back, by RollbackMaximumBatchSize at a time or all at once."""
        blue = self._endpoint.variants
        for number in range(1, _num_batches(self._plan.rollback_step, self._blue_counts) + 1):
            for name, variant in blue.items():
                count = self._blue_counts[name]
                batch = batch_size(self._plan.rollback_step, count)
                variant.fleet.resize(max(variant.fleet.desired_count, min(count, number * batch)))
            self._green.share = max(0.0, 1 - _capacity(blue) / max(1, sum(self._blue_counts.values())))


def check_batch(plan: Plan, variant: Variant) -> None:
    """Raise unless the batch is at most half of the variant's instances; a single one is replaced as a whole."""
    if plan.kind != "ROLLING" or plan.step is None or plan.step[0] != "INSTANCE_COUNT":
        return
    most = max(1, variant.fleet.desired_count // 2)
    if plan.step[1] > most:
        raise validation_error(
            f"MaximumBatchSize of {plan.step[1]} instances for production variant {variant.name!r} with "
            f"{variant.fleet.desired_count}; it must be at most 50 % of them"
        )


def batch_size(step: tuple[str, float] | None, count: int) -> int:
    """Return how many of `count` instances one batch moves; all of them without a step."""
    if step is None:
        return max(1, count)
    unit, value = step
    return max(1, int(count * value / 100) if unit == "CAPACITY_PERCENT" else int(value))


def _num_batches(step: tuple[str, float] | None, counts: Mapping[str, int]) -> int:
    return max(ceil(count / batch_size(step, count)) for count in counts.values())


def _capacity(variants: Mapping[str, Variant]) -> int:
    return sum(variant.fleet.desired_count for variant in variants.values())
