"""What runs of one function, provisioned and on demand, and the lease of one environment to one invocation."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime

from embedded_account.lambda_.environment import Environment, EnvironmentSpec


@dataclass
class Provisioned:
    """A provisioned concurrency configuration: environments that one alias or version keeps started."""

    qualifier: str
    requested: int
    spec: EnvironmentSpec
    last_modified: datetime
    status: str = "IN_PROGRESS"
    reason: str = ""
    idle: list[Environment] = field(default_factory=list)
    num_busy: int = 0
    ended: bool = False

    @property
    def num_allocated(self) -> int:
        """How many environments run."""
        return len(self.idle) + self.num_busy


@dataclass
class Fleet:
    """The environments of one function, over all of its versions."""

    reserved: int | None = None
    busy: Counter[str] = field(default_factory=Counter)  # on-demand, by revision
    idle: dict[str, list[Environment]] = field(default_factory=lambda: defaultdict(list))
    starting: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    provisioned: dict[str, Provisioned] = field(default_factory=dict)

    @property
    def num_provisioned(self) -> int:
        """How much of the function's concurrency is set aside for provisioned environments."""
        return sum(config.requested for config in self.provisioned.values())

    @property
    def on_demand_busy(self) -> int:
        """How many invocations run in on-demand environments."""
        return self.busy.total()

    @property
    def num_busy(self) -> int:
        """How many invocations run now."""
        return self.on_demand_busy + sum(config.num_busy for config in self.provisioned.values())


@dataclass
class Lease:
    """An environment that one invocation owns, until it is released."""

    function_name: str
    environment: Environment
    provisioned: Provisioned | None
    num_busy: int  # invocations of the function that ran when this one began, itself included
    num_provisioned: int = 0  # what the alias or version has provisioned; 0 without a configuration
    num_provisioned_busy: int = 0  # how many of these were in use, this one included
    num_unreserved_busy: int = 0  # invocations of all functions without a reservation
