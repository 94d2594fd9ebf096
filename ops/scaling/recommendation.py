"""What follows from a measured instance: the target, the cooldowns and the bounds of target tracking."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from ops.scaling.policies import TargetTracking

# The share of what an instance can take that is aimed at. Source: SageMaker developer guide, "Load testing your auto
# scaling configuration": "(MAX_RPS * SAFETY_FACTOR) * 60", where AWS recommends to start with 0.5.
SAFETY_FACTOR = 0.5
_METRIC_SECONDS = 120  # a minute to be counted, and one until it is read
_LEAST_IN_SECONDS = 300  # AWS's default
_MOST_SECONDS = 3600  # of the template's parameters


@dataclass(frozen=True)
class Recommendation:
    """Target tracking for an instance that takes `capacity` invocations a minute and starts in `start_seconds`."""

    capacity: float
    start_seconds: float
    safety_factor: float = SAFETY_FACTOR

    @property
    def target(self) -> int:
        """Return the invocations a minute and instance to aim at."""
        return max(1, int(self.capacity * self.safety_factor))

    @property
    def out_cooldown(self) -> int:
        """Return the pause after a scale-out: until what was added can be seen in the metric."""
        return min(_MOST_SECONDS, 30 * ceil((self.start_seconds + _METRIC_SECONDS) / 30))

    @property
    def in_cooldown(self) -> int:
        """Return the pause after a scale-in: twice the other, since one that is missed has to start again."""
        return min(_MOST_SECONDS, max(_LEAST_IN_SECONDS, 2 * self.out_cooldown))

    @property
    def tracking(self) -> TargetTracking:
        """Return it as the settings of a policy."""
        return TargetTracking(self.target, self.out_cooldown, self.in_cooldown)

    def instances(self, per_minute: float) -> int:
        """Return how many instances hold so many requests a minute at the target."""
        return max(1, ceil(per_minute / self.target))
