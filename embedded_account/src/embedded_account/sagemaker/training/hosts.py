"""Where a job's instances run: loopback addresses that only this job uses, so that torchrun's port is free on each."""

import itertools
from dataclasses import dataclass

from embedded_account.sagemaker.training.job import TrainingJob

_FIRST_NET, _LAST_NET = 1, 250
_next_net = itertools.count()


@dataclass(frozen=True)
class Host:
    """Which of a job's instances this is."""

    index: int
    names: tuple[str, ...]  # of all of the job's hosts, in order
    num_cores: int

    @property
    def name(self) -> str:
        """Return the name by which the others reach it."""
        return self.names[self.index]


def hosts_of(job: TrainingJob) -> list[Host]:
    """Return the hosts of the instances of `job`; one alone has AWS's host name, several have addresses."""
    count = job.request["ResourceConfig"]["InstanceCount"]
    names = _names(count)
    return [Host(index, names, max(1, job.num_cores // count)) for index in range(count)]


def _names(count: int) -> tuple[str, ...]:
    """Return host names that sort as they are numbered: SageMaker's rank is the place in the sorted list."""
    if count == 1:
        return ("algo-1",)
    net = _FIRST_NET + next(_next_net) % (_LAST_NET - _FIRST_NET)
    return tuple(sorted(f"127.0.{net}.{index + 1}" for index in range(count)))
