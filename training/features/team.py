"""Parts of one job among its processes: the first deals them out and keeps what comes back; the others only work.

Tasks travel through torchrun's store, which a process can wait at for as long as the first one needs for something
else, such as comparing all pictures; results, which are larger, travel directly.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from training.distributed import World

Task = dict[str, Any]  # JSON-ready
Work = Callable[[Task], bytes]


class Team:
    """All processes of a job; `work` turns a task into bytes, in whichever of them."""

    def __init__(self, world: World, work: Work) -> None:
        self.world = world
        self.work = work
        self._dealt: Counter[int] = Counter()  # tasks, by rank

    def results(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, bytes]]:
        """Yield each task with its result, in the order of the tasks; for the first process alone."""
        remaining = iter(tasks)
        while turn := list(islice(remaining, self.world.size)):
            for rank, task in enumerate(turn[1:], 1):
                self._deal(rank, task)
            yield turn[0], self.work(turn[0])
            for rank, task in enumerate(turn[1:], 1):
                yield task, self.world.receive(rank)

    def help(self) -> None:
        """Work until the first process has no more tasks; for all others."""
        while (task := self._next()) is not None:
            self.world.send(self.work(task))

    def dismiss(self) -> None:
        """Let the others go."""
        for rank in range(1, self.world.size):
            self._deal(rank, None)

    def _deal(self, rank: int, task: Task | None) -> None:
        self.world.store.set(self._key(rank), json.dumps(task))

    def _next(self) -> Task | None:
        task: Task | None = json.loads(self.world.awaited(self._key(self.world.shard.index)))
        return task

    def _key(self, rank: int) -> str:
        self._dealt[rank] += 1
        return f"retriever/task/{rank}/{self._dealt[rank]}"
